#!/usr/bin/perl
# Standard input and output <-> a unix socket, for the Tcl client.
use strict;
use warnings;
use IO::Socket::UNIX;
use IO::Select;

my $socket = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "connect $ARGV[0]: $!\n";
my $select = IO::Select->new($socket, \*STDIN);
binmode $_ for \*STDIN, \*STDOUT, $socket;
while (1) {
    for my $from ($select->can_read) {
        my $size = sysread($from, my $bytes, 65536);
        if (!$size) {
            exit 0 if $from == $socket;
            $select->remove(\*STDIN);
            shutdown($socket, 1);
            next;
        }
        my $to = $from == $socket ? \*STDOUT : $socket;
        my $sent = 0;
        while ($sent < $size) {
            my $n = syswrite($to, $bytes, $size - $sent, $sent) or exit 0;
            $sent += $n;
        }
    }
}
