"""One module per section of the generated code: model and plan to text."""
