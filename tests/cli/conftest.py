from collection.fixtures import aws_env

__all__ = ["aws_env"]
