import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URL;
import java.nio.charset.StandardCharsets;

public class HttpUrlConnectionApp {
    static void ask(String variable, String expected) throws Exception {
        byte[] body = System.getenv(variable).getBytes(StandardCharsets.UTF_8);
        URL url = new URL(System.getenv("GRAPHQL_URL"));
        HttpURLConnection connection = (HttpURLConnection) url.openConnection(Proxy.NO_PROXY);
        connection.setDoOutput(true);
        connection.setRequestProperty("Content-Type", "application/json");
        connection.getOutputStream().write(body);
        String answer = new String(connection.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!answer.contains(expected)) {
            throw new IllegalStateException(answer);
        }
    }

    public static void main(String[] arguments) throws Exception {
        ask("BALANCE", "\"balance\":10000");
        ask("REDEMPTION", "\"value\":-1");
        ask("BALANCE", "\"balance\":9999");
        ask("LARGE", "\"balance\":9999");
        System.out.println("OK");
    }
}
