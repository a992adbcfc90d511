"""What PySpark's own client needs to reach a session, from what GetSessionEndpoint has answered (in CONNECT_ENDPOINT and CONNECT_TOKEN)."""

import os

from pyspark.sql import SparkSession


def url(token=os.environ.get("CONNECT_TOKEN"), endpoint=os.environ["CONNECT_ENDPOINT"]):
    """AWS's recipe, with the port that EndpointUrl has."""
    secure = "use_ssl=true;" if endpoint.startswith("https:") else ""
    header = "" if token is None else f"x-aws-proxy-auth={token}"
    return endpoint.replace("https:", "sc:").replace("http:", "sc:") + f"/;{secure}{header}"


def session():
    """A client session of its own."""
    return SparkSession.builder.remote(url()).create()
