"""REST with ProtoJSON, by the google.api.http rules of the methods."""
