from collection.fixtures import aws_env, service

__all__ = ["aws_env", "service"]
