# Session resumption, whichever thread the connection lands on.

file_needs built_tls

# How many of TRIES connections that offer one session are resumed.
proc resumed_count {session tries args} {
    set count 0
    for {set i 0} {$i < $tries} {incr i} {
        set output [s_client [srv tls_port] -sess_in $session -input "PING\r\n" -until *+PONG* {*}$args]
        assert_match *+PONG* $output
        if {[string match "*Reused, TLSv1*" $output]} { incr count }
    }
    return $count
}

proc take_session {args} {
    set session [file join $::work_dir session.[incr ::sessions].pem]
    s_client [srv tls_port] -sess_out $session -input "PING\r\n" -until *+PONG* {*}$args
    assert_equal 1 [file exists $session]
    return $session
}

foreach threads {1 4} {
    start_server [list overrides [list port 0 tls-port [free_port] io-threads $threads]] {
        test "TLS 1.3 sessions are resumed with io-threads $threads" {
            assert_equal 8 [resumed_count [take_session -tls1_3 ""] 8 -tls1_3 ""]
        }

        test "TLS 1.2 tickets are resumed with io-threads $threads" {
            assert_equal 8 [resumed_count [take_session -tls1_2 ""] 8 -tls1_2 ""]
        }

        test "An authority that cannot be put in force ends no session, with io-threads $threads" {
            foreach version {-tls1_2 -tls1_3} { set taken($version) [take_session $version ""] }
            assert_error "*no start line*" {r config set tls-ca-cert-file [certificate ca.key]}
            assert_error "*no start line*" {r config set tls-crl-file [certificate ca.key]}
            assert_error "*Unable to update TLS*" {r config set tls-crl-file [certificate ca.crl] tls-cert-file /nosuch.crt}
            r multi
            r config set tls-crl-file [certificate ca.key]
            assert_match "{*no start line*}" [r exec]
            foreach version {-tls1_2 -tls1_3} { assert_equal 4 [resumed_count $taken($version) 4 $version ""] }
        }

        test "Threads that start together with another authority resume its sessions, with io-threads $threads" {
            set old [take_session -tls1_2 ""]
            r config set tls-crl-file [certificate ca.crl] io-threads [expr {$threads + 2}]
            assert_equal 0 [resumed_count $old 8 -tls1_2 ""]
            assert_equal 8 [resumed_count [take_session -tls1_2 ""] 8 -tls1_2 ""]
            r config set tls-crl-file "" io-threads $threads
        }

        test "s_client -reconnect resumes each time with io-threads $threads" {
            set output [s_client [srv tls_port] -tls1_2 "" -reconnect "" -input "PING\r\n" -until *+PONG*]
            assert_equal 5 [regexp -all {Reused, TLSv1.2} $output]
        }

        test "A client that wants no tickets gets in each time with io-threads $threads" {
            set output [s_client [srv tls_port] -tls1_2 "" -no_ticket "" -reconnect "" -input "PING\r\n" -until *+PONG*]
            assert_match *+PONG* $output
        }

        test "Sessions of a client without a certificate are not taken for one that has it (io-threads $threads)" {
            r config set tls-auth-clients optional
            set session [take_session -cert ""]
            r config set tls-auth-clients yes
            set output [s_client [srv tls_port] -cert "" -sess_in $session -input "PING\r\n" -until *+PONG*]
            assert_no_match *+PONG* $output
        } {sluice}
    }
}

start_server [list overrides [list port 0 tls-port [free_port] io-threads 4]] {
    test "Sessions survive CONFIG SET of the same certificate" {
        set session [take_session]
        r config set tls-cert-file [certificate server.crt]
        assert_equal 4 [resumed_count $session 4]
    } {sluice}

    test "A changed authority invalidates sessions" {
        set session [take_session]
        set both [file join $::work_dir both.crt]
        write_file $both "[read_file [certificate ca.crt]][read_file [certificate other-ca.crt]]"
        r config set tls-ca-cert-file $both
        assert_equal 0 [resumed_count $session 4]
        r config set tls-ca-cert-file [certificate ca.crt]
    }
}

start_server [list overrides [list port 0 tls-port [free_port] tls-session-caching no]] {
    test "tls-session-caching no: nothing is resumed, and clients that offer sessions get in" {
        set session [file join $::work_dir none.pem]
        set output [s_client [srv tls_port] -tls1_2 "" -reconnect "" -input "PING\r\n" -until *+PONG*]
        assert_equal 0 [regexp -all {Reused, TLSv1.2} $output]
        assert_match *+PONG* $output
    } {sluice}
}

start_server [list overrides [list port 0 tls-port [free_port]]] {
    test "CLIENT LIST says whether the session was resumed" {
        set session [take_session]
        set output [s_client [srv tls_port] -sess_in $session -input "CLIENT INFO\r\n" -until "*id=*\n*"]
        assert_match "*tls=*resumed*" $output
    } {sluice}
}

# Sessions of every kind, with every value of tls-auth-clients, with and without a certificate.

# s_client -reconnect only does session ids and tickets of TLS 1.2; 1.3 offers a session of before.
proc reconnects {kind cert} {
    if {$kind eq "ticket13"} {
        set session [take_session -tls1_3 "" -cert $cert]
        return [resumed_count $session 5 -tls1_3 "" -cert $cert]
    }
    set options [list -tls1_2 "" -reconnect "" -cert $cert]
    if {$kind eq "id12"} { lappend options -no_ticket "" }
    set output [s_client [srv tls_port] -input "PING\r\n" -until *+PONG* {*}$options]
    assert_match *+PONG* $output
    return [regexp -all {Reused, TLSv1.2} $output]
}

start_server [list overrides [list port 0 tls-port [free_port] io-threads 4 io-threads-elastic no] tags sluice] {
    foreach auth {no optional yes} {
        foreach kind {id12 ticket12 ticket13} {
            foreach cert {client ""} {
                if {$auth eq "yes" && $cert eq ""} { continue }
                test "redis#7270: -reconnect with tls-auth-clients $auth, $kind, certificate '$cert'" {
                    r config set tls-auth-clients $auth
                    assert_equal 5 [reconnects $kind $cert]
                    r config set tls-auth-clients yes
                }
            }
        }
    }

    foreach kind {id12 ticket12 ticket13} {
        test "tls-session-caching no: no resumption by $kind, of old sessions neither" {
            foreach auth {no optional yes} {
                set version [expr {$kind eq "ticket13" ? "-tls1_3" : "-tls1_2"}]
                set session [take_session $version ""]
                r config set tls-session-caching no tls-auth-clients $auth
                set before [s tls_handshakes_resumed]
                assert_equal 0 [resumed_count $session 3 $version ""]
                if {$kind ne "ticket13"} { assert_equal 0 [reconnects $kind client] }
                set output [s_client [srv tls_port] $version "" -input "PING\r\n" -until *+PONG*]
                assert_no_match "*TLS session ticket:*" $output
                assert_equal $before [s tls_handshakes_resumed]
                r config set tls-session-caching yes tls-auth-clients yes
            }
        }
    }

    test "A resumed session carries the verified identity" {
        foreach version {-tls1_2 -tls1_3} {
            set session [file join $::work_dir alice.pem]
            set arguments [list $version "" -input "CLIENT INFO\r\n" -until "*id=*cert=*\n*"]
            assert_match "*,full cert=alice*" [s_client [srv tls_port] {*}$arguments -cert alice -sess_out $session]
            assert_match "*,resumed cert=alice*" [s_client [srv tls_port] {*}$arguments -cert alice -sess_in $session]
        }
    }

    test "Sessions of tls-session-tickets no are kept for all threads" {
        r config set tls-session-tickets no
        foreach version {-tls1_2 -tls1_3} {
            set session [take_session $version ""]
            if {$version eq "-tls1_2"} { assert_equal 6 [resumed_count $session 6 $version ""] }
        }
        r config set tls-session-tickets yes
    }
}

start_server [list overrides [list port 0 tls-port [free_port] io-threads 4 tls-auto-reload-interval 1] tags sluice] {
    proc reloads {} { s tls_reloads_done }

    test "A bundle grown by one root is noticed by auto reload, and old sessions end" {
        set bundle [file join [srv dir] bundle.crt]
        write_file $bundle [read_file [certificate ca.crt]]
        r config set tls-ca-cert-file $bundle
        set session [take_session]
        assert_equal 1 [resumed_count $session 1]
        assert_error * { set c [redis_client -tls 1 -cert stranger]; $c ping }
        set before [reloads]
        set channel [open $bundle a]
        puts -nonewline $channel [read_file [certificate other-ca.crt]]
        close $channel
        wait_until 1 10 { expr {[reloads] > $before} }
        set c [redis_client -tls 1 -cert stranger]
        assert_equal PONG [$c ping]
        $c close
        assert_equal 0 [resumed_count $session 2]
    }

    test "A root added to and removed from tls-ca-cert-dir is noticed" {
        set folder [file join [srv dir] roots]
        file mkdir $folder
        file copy [certificate ca.crt] $folder/ca.pem
        r config set tls-ca-cert-dir $folder tls-ca-cert-file ""
        assert_error * { set c [redis_client -tls 1 -cert stranger]; $c ping }
        set before [reloads]
        file copy [certificate other-ca.crt] $folder/other.pem
        wait_until 1 10 { expr {[reloads] > $before} }
        set c [redis_client -tls 1 -cert stranger]
        assert_equal PONG [$c ping]
        $c close
        set before [reloads]
        file delete $folder/other.pem
        wait_until 1 10 { expr {[reloads] > $before} }
        assert_error * { set c [redis_client -tls 1 -cert stranger]; $c ping }
        r config set tls-ca-cert-file [certificate ca.crt] tls-ca-cert-dir ""
    }

    test "A grown revocation list is noticed, and sessions of before end" {
        set list [file join [srv dir] live.crl]
        set session [file join $::work_dir revoked.pem]
        set arguments [list -cert revoked -input "PING\r\n" -until *+PONG*]
        assert_match *+PONG* [s_client [srv tls_port] {*}$arguments -sess_out $session]
        file copy [certificate ca.crl] $list
        r config set tls-crl-file $list
        assert_no_match *+PONG* [s_client [srv tls_port] {*}$arguments -sess_in $session]
        r config set tls-crl-file ""
    }

    test "A reload that fails leaves everything as it is, and is counted" {
        set bundle [file join [srv dir] bundle.crt]
        write_file $bundle [read_file [certificate ca.crt]]
        r config set tls-ca-cert-file $bundle
        set session [take_session]
        set failed [s tls_reloads_failed]
        write_file $bundle "nonsense"
        wait_until 1 10 { expr {[s tls_reloads_failed] > $failed} }
        assert_equal PONG [[redis_client] ping]
        wait_for_log 0 "*Background TLS reload failed*"
        write_file $bundle [read_file [certificate ca.crt]]
        wait_until "" 10 { s tls_reload_last_error }
        assert_equal 4 [resumed_count $session 4]
        r config set tls-ca-cert-file [certificate ca.crt]
    }

    test "An authority that came with something broken ends old sessions once it is in force" {
        set bundle [file join [srv dir] bundle.crt]
        set crt [file join [srv dir] own.crt]
        write_file $bundle [read_file [certificate ca.crt]]
        write_file $crt [read_file [certificate server.crt]]
        r config set tls-ca-cert-file $bundle tls-cert-file $crt
        set session [take_session]
        foreach {file text} [list $crt nonsense \
            $bundle "[read_file [certificate ca.crt]][read_file [certificate other-ca.crt]]"] {
            set failed [s tls_reloads_failed]
            write_file $file $text
            wait_until 1 10 { expr {[s tls_reloads_failed] > $failed} }
        }
        assert_equal 4 [resumed_count $session 4]
        set done [s tls_reloads_done]
        write_file $crt [read_file [certificate server.crt]]
        wait_until 1 10 { expr {[s tls_reloads_done] > $done} }
        assert_equal 0 [resumed_count $session 4]
        r config set tls-ca-cert-file [certificate ca.crt] tls-cert-file [certificate server.crt]
    }
}
