#!/usr/bin/perl
# Runs a program under a filter that kills who calls what systemd's sets @resources and @privileged
# have of scheduling, limits and users, as Debian's unit of redis-server does (seccomp(2)).
# Usage: perl kill-callers.pl PROGRAM [ARGUMENT...]      exit 77: not on this architecture
use strict;
use warnings;
use POSIX ();

# setpriority, setrlimit, sched_setparam, sched_setscheduler, sched_setaffinity, sched_setattr,
# mbind, set_mempolicy, migrate_pages, move_pages, ioprio_set, chroot, setuid, setgid, setgroups, setresuid,
# setresgid; then prctl
my %numbers = (
    x86_64  => [141, 160, 142, 144, 203, 314, 237, 238, 256, 279, 251, 161, 105, 106, 116, 117, 119],
    aarch64 => [140, 164, 118, 119, 122, 274, 235, 237, 238, 239, 30, 51, 146, 144, 159, 147, 149],
);
my %prctl = (x86_64 => 157, aarch64 => 167);
my $machine = (POSIX::uname())[4];
my $killed = $numbers{$machine} or exit 77;

my ($LOAD, $EQUAL, $RETURN) = (0x20, 0x15, 0x06);
my ($KILL, $ALLOW) = (0x80000000, 0x7fff0000);
my @rules = (pack('SCCL', $LOAD, 0, 0, 0));
for my $i (0 .. $#$killed) {
    push @rules, pack('SCCL', $EQUAL, $#$killed - $i + 1, 0, $killed->[$i]);
}
push @rules, pack('SCCL', $RETURN, 0, 0, $ALLOW), pack('SCCL', $RETURN, 0, 0, $KILL);
my $program = join('', @rules);
my $filter = pack('Sx6P', scalar(@rules), $program);
my ($NO_NEW_PRIVILEGES, $SECCOMP, $FILTER) = (38, 22, 2);
syscall($prctl{$machine}, $NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0 or die "no_new_privs: $!\n";
syscall($prctl{$machine}, $SECCOMP, $FILTER, $filter, 0, 0) == 0 or die "seccomp: $!\n";
exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\n";
