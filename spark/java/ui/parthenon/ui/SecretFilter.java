package parthenon.ui;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.FilterConfig;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.apache.spark.SparkConf;

/**
 * Refuses the requests of whoever does not know the secret: other sessions reach this machine's ports, too. Who does know it is
 * answered with the proof, by which it knows that it is not another process that has got the port meanwhile.
 */
public class SecretFilter implements Filter {
    private static final String REFUSAL = "This port is the server's alone; see GetResourceDashboard.";

    private byte[] secret;
    private String proof;

    /** Puts it before all that a UI of these settings serves, in place of any other. */
    public static void guard(SparkConf conf, String secret, String proof) {
        String name = SecretFilter.class.getName();
        conf.set("spark.ui.filters", name);
        conf.set("spark." + name + ".param.secret", secret);
        conf.set("spark." + name + ".param.proof", proof);
    }

    public void init(FilterConfig config) {
        secret = config.getInitParameter("secret").getBytes(StandardCharsets.UTF_8);
        proof = config.getInitParameter("proof");
    }

    public void doFilter(ServletRequest request, ServletResponse response, FilterChain next) throws IOException, ServletException {
        String given = ((HttpServletRequest) request).getHeader("x-parthenon-secret");
        HttpServletResponse answer = (HttpServletResponse) response;
        if (given != null && MessageDigest.isEqual(secret, given.getBytes(StandardCharsets.UTF_8))) {
            answer.setHeader("x-parthenon-proof", proof);
            next.doFilter(request, response);
        } else {
            answer.sendError(HttpServletResponse.SC_FORBIDDEN, REFUSAL);
        }
    }

    public void destroy() {
    }
}
