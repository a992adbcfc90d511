"""What runs inside the driver of one session: an ipykernel kernel with the Spark driver JVM under it."""
