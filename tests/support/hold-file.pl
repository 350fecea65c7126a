#!/usr/bin/perl
# Holds a lease on a file, so that whoever opens it waits, as on a file system that hangs (the kernel
# ends that after /proc/sys/fs/lease-break-time). Says "held"; lets go when standard input ends.
use strict;
use warnings;
use Fcntl qw(F_WRLCK);

use constant F_SETLEASE => 1024;

$SIG{IO} = 'IGNORE';
open(my $file, '<', $ARGV[0]) or die "$ARGV[0]: $!\n";
defined fcntl($file, F_SETLEASE, F_WRLCK) or die "no lease on $ARGV[0]: $!\n";
$| = 1;
print "held\n";
1 while <STDIN>;
