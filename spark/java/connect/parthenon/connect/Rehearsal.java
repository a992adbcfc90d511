package parthenon.connect;

import java.util.Iterator;
import java.util.UUID;
import org.apache.spark.SparkContext;
import org.apache.spark.connect.proto.ExecutePlanRequest;
import org.apache.spark.connect.proto.Plan;
import org.apache.spark.connect.proto.Relation;
import org.apache.spark.connect.proto.SQL;
import org.apache.spark.connect.proto.SparkConnectServiceGrpc;
import org.apache.spark.connect.proto.UserContext;
import org.apache.spark.sql.connect.service.SparkConnectService$;
import org.sparkproject.connect.grpc.ManagedChannel;
import org.sparkproject.connect.grpc.Metadata;
import org.sparkproject.connect.grpc.netty.NettyChannelBuilder;
import org.sparkproject.connect.grpc.stub.MetadataUtils;
import scala.Option;

/** Uses Spark Connect as a client does, in a context that is thrown away: so the classes of a session's are known. */
public class Rehearsal {
    public static void run(SparkContext context, String query) throws Exception {
        String secret = UUID.randomUUID().toString();
        int port = ConnectServer.start(context, secret);
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
        try {
            Metadata headers = new Metadata();
            headers.put(SecretInterceptor.SECRET, secret);
            SparkConnectServiceGrpc.SparkConnectServiceBlockingStub client =
                (SparkConnectServiceGrpc.SparkConnectServiceBlockingStub) SparkConnectServiceGrpc.newBlockingStub(channel)
                    .withInterceptors(new org.sparkproject.connect.grpc.ClientInterceptor[] {
                        MetadataUtils.newAttachHeadersInterceptor(headers)});
            Iterator answers = client.executePlan(ExecutePlanRequest.newBuilder()
                .setSessionId(UUID.randomUUID().toString())
                .setUserContext(UserContext.newBuilder().setUserId("rehearsal"))
                .setPlan(Plan.newBuilder().setRoot(Relation.newBuilder().setSql(SQL.newBuilder().setQuery(query))))
                .build());
            while (answers.hasNext()) {
                answers.next();
            }
        } finally {
            channel.shutdownNow();
            SparkConnectService$.MODULE$.stop(Option.empty(), Option.empty());
            SparkConnectService$.MODULE$.server_$eq(null);
        }
    }
}
