import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class HttpClientApp {
    // As it comes: it offers h2c on each request.
    static final HttpClient client = HttpClient.newBuilder().proxy(HttpClient.Builder.NO_PROXY).build();

    static void ask(String variable, String expected, boolean expectContinue) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("GRAPHQL_URL")))
            .header("Content-Type", "application/json").expectContinue(expectContinue)
            .POST(HttpRequest.BodyPublishers.ofString(System.getenv(variable))).build();
        HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200 || answer.version() != HttpClient.Version.HTTP_1_1
            || !answer.body().contains(expected)) {
            throw new IllegalStateException(answer + answer.body());
        }
    }

    public static void main(String[] arguments) throws Exception {
        ask("BALANCE", "\"balance\":10000", false);
        ask("REDEMPTION", "\"value\":-1", true);
        ask("BALANCE", "\"balance\":9999", true);
        ask("LARGE", "\"balance\":9999", false);
        System.out.println("OK");
    }
}
