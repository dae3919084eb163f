<?php
function with_streams(string $body, string $version): string {
    $context = stream_context_create(['http' => [
        'method' => 'POST', 'header' => "Content-Type: application/json\r\n", 'content' => $body,
        'protocol_version' => $version, 'ignore_errors' => true]]);
    return file_get_contents(getenv('GRAPHQL_URL'), false, $context);
}

function with_curl(string $body): string {
    static $curl = null;
    $curl ??= curl_init(getenv('GRAPHQL_URL'));
    curl_setopt_array($curl, [CURLOPT_POST => true, CURLOPT_POSTFIELDS => $body, CURLOPT_RETURNTRANSFER => true,
        CURLOPT_NOPROXY => '*']);
    return curl_exec($curl);
}

function ask(string $variable, string $expected): void {
    global $argv;
    $body = getenv($variable);
    if ($variable === 'LARGE') {
        $body .= str_repeat(' ', 1100000); // libcurl then expects 100-continue
    }
    $answer = $argv[1] === 'curl' ? with_curl($body) : with_streams($body, substr($argv[1], -3));
    if (!str_contains($answer, $expected)) {
        echo $answer;
        exit(1);
    }
}

ask('BALANCE', '"balance":10000');
ask('REDEMPTION', '"value":-1');
ask('BALANCE', '"balance":9999');
ask('LARGE', '"balance":9999');
echo "OK\n";
