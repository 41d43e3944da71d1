"""Pictures of the pages for the documents: of phantom patients in a service that runs, never of persons."""
