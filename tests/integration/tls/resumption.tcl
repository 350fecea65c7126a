# Session resumption, whichever thread the connection lands on.

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
            set output [s_client [srv tls_port] -cert "" -sess_in $session -input "PING\r\n" -until *+PONG* -seconds 3]
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
