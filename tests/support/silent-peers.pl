#!/usr/bin/perl
# Opens COUNT connections to PORT of 127.0.0.1 that say nothing. Says "open" and holds them until
# standard input ends; they end by resets, so that no port stays taken.
use strict;
use warnings;
use Socket;

my ($port, $count) = @ARGV;
my $address = sockaddr_in($port, INADDR_LOOPBACK);
my @peers;
while (@peers < $count) {
    socket(my $peer, PF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
    setsockopt($peer, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)) or die "linger: $!\n";
    connect($peer, $address) or die "connect: $!\n";
    push @peers, $peer;
}
$| = 1;
print "open\n";
1 while <STDIN>;
