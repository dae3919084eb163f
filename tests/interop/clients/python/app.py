import http.client
import os
import sys
import urllib.parse
import urllib.request

url = os.environ["GRAPHQL_URL"]
balance, redemption, large = (os.environ[name].encode() for name in ("BALANCE", "REDEMPTION", "LARGE"))


def with_urllib(body):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, body, {"Content-Type": "application/json"})) as answer:
        return answer.read().decode()


connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)


def with_http_client(body):
    pieces = iter([body[:10], body[10:]])  # of unknown length: it sends them in chunks
    connection.request("POST", "/graphql", pieces, {"Content-Type": "application/json"}, encode_chunked=True)
    return connection.getresponse().read().decode()


ask = with_urllib if sys.argv[1] == "urllib" else with_http_client
assert '"balance":10000' in ask(balance)
assert '"value":-1' in ask(redemption)
assert '"balance":9999' in ask(balance)
assert '"balance":9999' in ask(large)
print("OK")
