"""What PySpark's own client needs to reach a session, from what GetSessionEndpoint has answered (in CONNECT_ENDPOINT and CONNECT_TOKEN)."""

import os

from pyspark.sql import SparkSession


def url(token=os.environ.get("CONNECT_TOKEN"), endpoint=os.environ["CONNECT_ENDPOINT"]):
    """AWS's recipe, with the port that EndpointUrl has."""
    secure = "use_ssl=true;" if endpoint.startswith("https:") else ""
    header = "" if token is None else f"x-aws-proxy-auth={token}"
    return endpoint.replace("https:", "sc:").replace("http:", "sc:") + f"/;{secure}{header}"


# A session that Python collects closes the threads by which all sessions of the process let go of results, whoever uses them at that
# moment (PySpark 3.5, `ExecutePlanResponseReattachableIterator.shutdown`): then a query fails with "Pool not running", or waits for ever.
_kept = []


def session():
    """A client session of its own."""
    _kept.append(SparkSession.builder.remote(url()).create())
    return _kept[-1]
