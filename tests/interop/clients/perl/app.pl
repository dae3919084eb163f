use strict;
use warnings;
use HTTP::Tiny;

my $http = HTTP::Tiny->new(no_proxy => ['127.0.0.1']);

sub ask {
    my ($body, $expected) = @_;
    my $answer = $http->post($ENV{GRAPHQL_URL},
        { content => $body, headers => { 'Content-Type' => 'application/json' } });
    die "$answer->{status} $answer->{content}" unless $answer->{success} && index($answer->{content}, $expected) >= 0;
}

ask($ENV{BALANCE}, '"balance":10000');
ask($ENV{REDEMPTION}, '"value":-1');
ask($ENV{BALANCE}, '"balance":9999');
ask($ENV{LARGE}, '"balance":9999');
print "OK\n";
