# Unix socket, TCP and TLS at once; several addresses; IPv6; protected mode.

test "TCP, TLS and a unix socket at once" {
    set path [file join $::work_dir s.sock]
    start_server [list overrides [list port [free_port] tls-port [free_port] unixsocket $path unixsocketperm 700]] {
        set plain [redis_client -tls 0]
        set tls [redis_client -tls 1]
        set unix [resp::connect -unix $path]
        assert_equal OK [$plain set k plain]
        assert_equal plain [$tls get k]
        assert_equal OK [$tls set k tls]
        assert_equal tls [$unix get k]
        assert_equal OK [$unix set k [string repeat u 300000]]
        assert_equal 300000 [string length [$tls get k]]
        set list [$unix client list]
        assert_match "*addr=$path:0 laddr=$path:0*flags=U*" $list
        assert_equal 4 [regexp -all -line {^id=} $list]
        foreach c [list $plain $tls $unix] { $c close }
        assert_equal 700 [string range [file attributes $path -permissions] end-2 end]
    }
    assert_equal 0 [file exists $path]
} {built_tls}

test "Each listener is announced by its kind" {
    set path [file join $::work_dir s2.sock]
    start_server [list overrides [list port [free_port] tls-port [free_port] unixsocket $path]] {
        foreach kind {tcp tls unix} {
            assert_equal 1 [llength [log_lines_after 0 "*Ready to accept connections $kind*"]] $kind
        }
        set text [r info server]
        foreach kind {tcp tls unix} { assert_match "*listener*:name=$kind,*" $text }
    }
} {redis8 built_tls}

test "A stale unix socket is replaced" {
    set path [file join $::work_dir stale.sock]
    exec perl -MIO::Socket::UNIX -e {IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die} $path
    assert_equal socket [file type $path]
    start_server [list overrides [list unixsocket $path]] {
        set c [resp::connect -unix $path]
        assert_equal PONG [$c ping]
        $c close
    }
}

test "Only a unix socket" {
    set path [file join $::work_dir only.sock]
    start_server [list overrides [list port 0 tls-port 0 unixsocket $path] client 0] {
        set c [resp::connect -unix $path]
        assert_equal PONG [$c ping]
        $c close
    }
}

test "Several addresses" {
    start_server {overrides {bind "127.0.0.1 127.0.0.2"}} {
        foreach host {127.0.0.1 127.0.0.2} {
            set c [redis_client -host $host]
            assert_equal PONG [$c ping]
            assert_match "*laddr=$host:*" [$c client info]
            $c close
        }
        assert_equal 1 [catch {socket 127.0.0.3 [srv port]}]
    }
}

test "IPv6" {
    start_server {overrides {bind "127.0.0.1 ::1"}} {
        set c [redis_client -host ::1]
        assert_equal PONG [$c ping]
        assert_match {*addr=\[::1\]:*} [$c client info]
        $c close
    }
} {ipv6}

test "An optional address that is not there is skipped" {
    start_server {overrides {bind "127.0.0.1 -192.0.2.7 -::1"}} {
        assert_equal PONG [r ping]
    }
}

test "An address that is not there ends the start" {
    lassign [run_server_program [list --port [free_port] --bind 127.0.0.1 192.0.2.7]] code output
    assert_equal 1 $code
    assert_match "*192.0.2.7*" $output
}

# A wildcard listener without a password; the client comes from an address that is not loopback.
proc local_address {} {
    foreach line [split [exec cat /proc/net/fib_trie] \n] {
        if {[regexp {\|-- (\d+\.\d+\.\d+\.\d+)} $line -> address]} {
            set last $address
        } elseif {[string match "*/32 host LOCAL*" $line] && ![string match 127.* $last]} {
            return $last
        }
    }
    return ""
}

test "Protected mode refuses others when there is neither password nor bind" {
    set address [local_address]
    if {$address eq ""} { return }
    start_server [list overrides [list bind "* -::*" protected-mode yes port [free_port] tls-port 0]] {
        assert_equal PONG [r ping]
        set c [resp::connect -host $address -port [srv plain_port]]
        catch {$c write "PING\r\n"}
        assert_match "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user.*" [$c raw]
        assert_equal 1 [$c eof]
        $c close
        r config set protected-mode no
        set c [resp::connect -host $address -port [srv plain_port]]
        assert_equal PONG [$c ping]
        $c close
        r config set protected-mode yes requirepass x
        set c [resp::connect -host $address -port [srv plain_port]]
        assert_error "NOAUTH*" {$c ping}
        $c close
    }
}
