/** Spark properties that both sides of every comparison get: two of them static, which a running context cannot take. */
export const customProperties = {
  'spark.io.encryption.enabled': 'true',
  'spark.sql.shuffle.partitions': '4',
  'spark.serializer': 'org.apache.spark.serializer.KryoSerializer',
};
