"""google.api.http both ways: message <-> (verb, path, query, body). Pure."""
