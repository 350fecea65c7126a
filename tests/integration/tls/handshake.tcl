# Who gets in: client certificates, their validity, protocol versions and ciphers.

file_needs built_tls

# PING over a new connection with the named client certificate: PONG, or the error.
proc ping_with {cert {options {}}} {
    if {[catch {
        set c [redis_client -tls 1 -cert $cert {*}$options]
    } message]} {
        return "refused"
    }
    if {[catch {$c ping} reply]} { set reply refused }
    $c close
    return $reply
}

proc s_client_ping {args} {
    set output [s_client [srv tls_port] -input "PING\r\n" -until *+PONG* {*}$args]
    return [expr {[string match *+PONG* $output] ? "PONG" : "refused"}]
}

# The log's line about the refused certificate. These lines are rate limited: tried until one comes.
proc refused_line {cert pattern} {
    set mark [log_size]
    for {set try 0} {$try < 200} {incr try} {
        ping_with $cert
        set lines [log_lines_after $mark $pattern]
        if {[llength $lines] > 0} { return [lindex $lines 0] }
        resp::pause_ms 100
    }
    fail "no line like '$pattern' in the server's log"
}

set tls_only [list port 0 tls-port [free_port]]

start_server [list overrides $tls_only] {
    test "A client with a certificate of the authority gets in" {
        assert_equal PONG [ping_with client]
        assert_equal PONG [s_client_ping]
    }

    test "A client without a certificate is refused" {
        assert_equal refused [ping_with ""]
        assert_equal refused [s_client_ping -cert ""]
    }

    test "A certificate of another authority, an expired one, one from the future are refused" {
        foreach cert {stranger expired future} {
            assert_equal refused [ping_with $cert] $cert
        }
        assert_equal PONG [ping_with client]
    }

    test "The reason of a refusal is in the log" {
        foreach {cert pattern} {expired "*certificate*" stranger "*certificate*" "" "*certificate*"} {
            refused_line $cert $pattern
        }
    }

    test "The log names the reason and the peer" {
        foreach {cert pattern} {
            expired "*certificate has expired*" future "*certificate is not yet valid*"
            stranger "*unable to get local issuer certificate*"
            "" "*peer did not return a certificate*"
        } {
            assert_match "*127.0.0.1:*" [refused_line $cert $pattern]
        }
    } {sluice}

    test "tls-auth-clients can be changed while running" {
        r config set tls-auth-clients no
        assert_equal PONG [ping_with ""]
        assert_equal PONG [ping_with client]
        r config set tls-auth-clients optional
        assert_equal PONG [ping_with ""]
        assert_equal PONG [ping_with client]
        assert_equal refused [ping_with stranger]
        assert_equal refused [ping_with expired]
        r config set tls-auth-clients yes
        assert_equal refused [ping_with ""]
    }

    test "TLS 1.2 and 1.3 are spoken, older ones are not" {
        assert_equal PONG [s_client_ping -tls1_2 ""]
        assert_equal PONG [s_client_ping -tls1_3 ""]
        assert_equal refused [s_client_ping -tls1_1 "" -cipher ALL:@SECLEVEL=0]
        assert_equal refused [s_client_ping -tls1 "" -cipher ALL:@SECLEVEL=0]
    }

    test "tls-protocols narrows the versions for new connections" {
        r config set tls-protocols TLSv1.2
        assert_equal PONG [s_client_ping -tls1_2 ""]
        assert_equal refused [s_client_ping -tls1_3 ""]
        r config set tls-protocols TLSv1.3
        assert_equal refused [s_client_ping -tls1_2 ""]
        assert_equal PONG [s_client_ping -tls1_3 ""]
        r config set tls-protocols ""
        assert_equal PONG [s_client_ping -tls1_2 ""]
    }

    test "tls-ciphers and tls-ciphersuites choose the ciphers" {
        r config set tls-protocols TLSv1.2 tls-ciphers ECDHE-ECDSA-AES128-GCM-SHA256
        assert_match "*Cipher    : ECDHE-ECDSA-AES128-GCM-SHA256*" [
            s_client [srv tls_port] -input "QUIT\r\n"]
        assert_equal refused [s_client_ping -cipher ECDHE-ECDSA-AES256-GCM-SHA384]
        r config set tls-protocols TLSv1.3 tls-ciphersuites TLS_CHACHA20_POLY1305_SHA256
        assert_match "*TLS_CHACHA20_POLY1305_SHA256*" [s_client [srv tls_port] -input "QUIT\r\n"]
        assert_equal refused [s_client_ping -ciphersuites TLS_AES_128_GCM_SHA256]
        r config set tls-protocols "" tls-ciphers "" tls-ciphersuites ""
        assert_equal PONG [ping_with client]
    }

    test "Without tls-ciphers only those with forward secrecy and authenticated encryption" {
        foreach cipher {ECDHE-ECDSA-AES256-SHA384 ECDHE-ECDSA-AES128-SHA256 ECDHE-ECDSA-AES256-SHA} {
            assert_equal refused [s_client_ping -tls1_2 "" -cipher $cipher] $cipher
        }
        foreach cipher {ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-ECDSA-CHACHA20-POLY1305} {
            assert_equal PONG [s_client_ping -tls1_2 "" -cipher $cipher] $cipher
        }
        r config set tls-ciphers DEFAULT
        assert_equal PONG [s_client_ping -tls1_2 "" -cipher ECDHE-ECDSA-AES256-SHA384]
        r config set tls-ciphers ""
    } {sluice}

    test "tls-prefer-server-ciphers" {
        r config set tls-protocols TLSv1.2 tls-prefer-server-ciphers yes \
            tls-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384
        set cipher ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256
        assert_match "*Cipher    : ECDHE-ECDSA-AES128*" [s_client [srv tls_port] -input "QUIT\r\n" -cipher $cipher]
        r config set tls-prefer-server-ciphers no
        assert_match "*Cipher    : ECDHE-ECDSA-AES256*" [s_client [srv tls_port] -input "QUIT\r\n" -cipher $cipher]
    }
}

start_server [list overrides [concat $tls_only [list tls-groups X25519]] tags sluice] {
    test "tls-groups limits the key exchange" {
        assert_equal PONG [s_client_ping -groups X25519]
        assert_equal refused [s_client_ping -groups P-256]
    }
}

start_server [list overrides [concat $tls_only [list tls-crl-file [certificate ca.crl]]] tags sluice] {
    test "A revoked certificate is refused" {
        assert_equal refused [ping_with revoked]
        assert_equal PONG [ping_with client]
    }
}

start_server [list overrides [concat $tls_only [list tls-key-file [certificate encrypted.key] tls-key-file-pass secret]]] {
    test "An encrypted key opens with its passphrase" {
        assert_equal PONG [ping_with client]
    }
}

start_server [list overrides [concat $tls_only [tls_server_settings rsa]]] {
    test "An RSA certificate serves TLS 1.2 and 1.3" {
        assert_equal PONG [s_client_ping -tls1_2 ""]
        assert_equal PONG [s_client_ping -tls1_3 ""]
    }
}

start_server [list overrides [concat $tls_only {tls-auth-clients optional}] tags sluice] {
    test "The certificate's name and the session's facts are in CLIENT LIST" {
        set c [redis_client -tls 1 -cert alice]
        assert_match "*tls=TLSv1.3*cert=alice*" [$c client info]
        $c close
    }
}
