"""The pages that clinicians look at, made on the server: no script, nothing from another host."""
