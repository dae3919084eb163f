using System;
using System.IO;
using System.Net;
using System.Text;

static class App {
    static Version version;

    static void Ask(string variable, string expected) {
        var body = Encoding.UTF8.GetBytes(Environment.GetEnvironmentVariable(variable));
        var request = (HttpWebRequest) WebRequest.Create(Environment.GetEnvironmentVariable("GRAPHQL_URL"));
        request.Proxy = null;
        request.Method = "POST";
        request.ContentType = "application/json";
        request.ProtocolVersion = version; // with 1.1, it sends Expect: 100-continue
        request.ContentLength = body.Length;
        using (var stream = request.GetRequestStream())
            stream.Write(body, 0, body.Length);
        using (var response = request.GetResponse())
        using (var reader = new StreamReader(response.GetResponseStream())) {
            var answer = reader.ReadToEnd();
            if (!answer.Contains(expected))
                throw new Exception(answer);
        }
    }

    static void Main(string[] arguments) {
        version = arguments[0] == "1.0" ? HttpVersion.Version10 : HttpVersion.Version11;
        Ask("BALANCE", "\"balance\":10000");
        Ask("REDEMPTION", "\"value\":-1");
        Ask("BALANCE", "\"balance\":9999");
        Ask("LARGE", "\"balance\":9999");
        Console.WriteLine("OK");
    }
}
