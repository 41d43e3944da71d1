"""Who may use the pages: roles, accounts, passwords, sessions, and the hospital's identity provider."""
