# What INFO tls, CLIENT LIST and LATENCY say about TLS.

file_needs built_tls

start_server [list overrides [list port 0 tls-port [free_port]] tags sluice] {
    proc grows {field script} {
        set before [s $field]
        uplevel 1 $script
        wait_until 1 10 [list expr "\[s $field\] > $before"]
    }

    proc ping_once {args} {
        assert_match *+PONG* [s_client [srv tls_port] -input "PING\r\n" -until *+PONG* {*}$args]
    }

    test "Full handshakes by version and cipher" {
        grows tls_handshakes_full { ping_once }
        grows tls_sessions_tls12 { ping_once -tls1_2 "" }
        grows tls_sessions_tls13 { ping_once -tls1_3 "" }
        grows tls_sessions_aes128_gcm { ping_once -tls1_3 "" -ciphersuites TLS_AES_128_GCM_SHA256 }
        grows tls_sessions_aes256_gcm { ping_once -tls1_3 "" -ciphersuites TLS_AES_256_GCM_SHA384 }
        grows tls_sessions_chacha20 { ping_once -tls1_2 "" -cipher ECDHE-ECDSA-CHACHA20-POLY1305 }
        r config set tls-ciphers DEFAULT
        grows tls_sessions_other_cipher { ping_once -tls1_2 "" -cipher ECDHE-ECDSA-AES128-SHA }
        r config set tls-ciphers ""
    }

    test "Resumption by ticket, and by a session kept in memory" {
        foreach {version setting kind} {-tls1_3 yes ticket -tls1_2 yes ticket -tls1_3 no cache -tls1_2 no cache} {
            r config set tls-session-tickets $setting
            set session [file join $::work_dir info.pem]
            grows tls_handshakes_full { ping_once $version "" -sess_out $session }
            grows tls_${kind}_hits { ping_once $version "" -sess_in $session }
        }
        set misses [s tls_cache_misses]
        r config set tls-session-tickets yes
        r config set tls-ca-cert-file [certificate ca.crt] tls-crl-file [certificate ca.crl]
        ping_once -tls1_2 "" -sess_in $session
        wait_until 1 10 { expr {[s tls_cache_misses] + [s tls_ticket_misses] > $misses} }
        r config set tls-crl-file ""
    }

    test "Records and bytes" {
        set before [s tls_records_in]
        set c [redis_client]
        for {set i 0} {$i < 50} {incr i} { $c ping }
        assert_range [expr {[s tls_records_in] - $before}] 50 60
        set before [s tls_records_out]
        $c set big [string repeat b 100000]
        $c get big
        assert_range [expr {[s tls_records_out] - $before}] 7 14
        assert {[s tls_plaintext_bytes_in] > 100000}
        assert {[s tls_plaintext_bytes_out] > 100000}
        $c close
    }

    test "Failures by reason" {
        grows tls_failed_no_certificate { s_client [srv tls_port] -cert "" -input "PING\r\n" }
        grows tls_failed_no_shared_protocol { s_client [srv tls_port] -tls1_1 "" -cipher ALL:@SECLEVEL=0 -input "" }
        grows tls_failed_no_shared_cipher { s_client [srv tls_port] -tls1_2 "" -cipher ECDHE-RSA-AES128-GCM-SHA256 -input "" }
        foreach {cert field} {stranger unknown_ca expired expired future expired} {
            grows tls_failed_$field { catch { set c [redis_client -tls 1 -cert $cert -timeout 5000]; $c ping; $c close } }
        }
        grows tls_failed_plaintext {
            set c [resp::connect -port [srv tls_port]]
            $c write "PING\r\n"
            catch {$c read}
            $c close
        }
        grows tls_failed_reset {
            set c [resp::connect -port [srv tls_port]]
            $c write "\x16\x03\x01"
            $c close
        }
        r config set tls-crl-file [certificate ca.crl]
        grows tls_failed_revoked { catch { set c [redis_client -tls 1 -cert revoked -timeout 5000]; $c ping; $c close } }
        r config set tls-crl-file ""
    }

    test "Ends by kind" {
        grows tls_closed_clean { s_client [srv tls_port] -input "Q\n" }
        grows tls_closed_truncated {
            set port [relay::start [srv tls_port] {}]
            set c [resp::connect -port $port -tls 1 -tls_options [tls_client_options]]
            $c ping
            relay::cut_all
            $c close
        }
    }

    test "Handshakes that time out, or fail for another reason" {
        r config set tls-handshake-timeout 50
        grows tls_handshakes_timed_out { set c [resp::connect -port [srv tls_port]] }
        $c close
        r config set tls-handshake-timeout 10000
        grows tls_handshakes_failed {
            grows tls_failed_other {
                set c [resp::connect -port [srv tls_port]]
                $c write "\x16\x03\x01\x00\x08\x01\x00\x00\x04\x03\x03\x00\x00"
                catch {$c read}
                $c close
            }
        }
    }

    test "Ends: a reset, and bytes that are no TLS" {
        r set big [string repeat b 1000000]
        grows tls_closed_reset {
            set port [relay::start [srv tls_port] {down 100000}]
            set c [resp::connect -port $port -tls 1 -tls_options [tls_client_options] -deferred 1 -timeout 5000]
            catch {$c get big; $c get big; $c read}
            catch {$c close}
            relay::cut_all
        }
        grows tls_closed_protocol_error {
            set port [relay::start [srv tls_port] {}]
            set c [resp::connect -port $port -tls 1 -tls_options [tls_client_options]]
            $c ping
            puts -nonewline [lindex $relay::links end] [string repeat \x00 100]
            catch {$c ping}
            $c close
            relay::cut_all
        }
    }

    test "Tickets: issued, and those that serve no more" {
        set session [file join $::work_dir ticket.pem]
        grows tls_tickets_issued { ping_once -tls1_3 "" -sess_out $session }
        r config set tls-crl-file [certificate ca.crl]
        grows tls_ticket_misses { ping_once -tls1_3 "" -sess_in $session }
        r config set tls-session-tickets no
        ping_once -tls1_2 "" -sess_out $session
        r config set tls-crl-file ""
        grows tls_cache_misses { ping_once -tls1_2 "" -sess_in $session }
        r config set tls-session-tickets yes
    }

    test "The client's certificate and the authority that ends first" {
        r config set tls-client-cert-file [certificate alice.crt] tls-client-key-file [certificate alice.key]
        set serial [lindex [split [exec openssl x509 -noout -serial -in [certificate alice.crt]] =] 1]
        assert_equal $serial [s tls_client_cert_serial]
        assert_match "*alice*" [s tls_client_cert_subject]
        assert {[s tls_client_cert_expires_in_seconds] > 0}
        set serial [lindex [split [exec openssl x509 -noout -serial -in [certificate ca.crt]] =] 1]
        assert_equal $serial [s tls_ca_cert_serial]
        assert_match "*ca*" [s tls_ca_cert_subject]
        r config set tls-client-cert-file "" tls-client-key-file ""
    }

    test "io-threads-do-reads is accepted while running, with a line in the log" {
        set mark [log_size]
        assert_equal OK [r config set io-threads-do-reads yes]
        assert_equal 1 [llength [log_lines_after $mark "*'io-threads-do-reads' is accepted for compatibility and has no effect*"]]
    }

    test "Certificates: subject, serial, time left" {
        set serial [string tolower [lindex [split [exec openssl x509 -noout -serial -in [certificate server.crt]] =] 1]]
        assert_equal $serial [string tolower [s tls_server_cert_serial]]
        assert_not_equal "" [s tls_server_cert_subject]
        assert {[s tls_server_cert_expires_in_seconds] > 0}
        assert {[s tls_ca_cert_expires_in_seconds] > 0}
        assert_equal none [s tls_client_cert_serial]
    }

    test "Reloads, done and failed, with the last error" {
        set done [s tls_reloads_done]
        set failed [s tls_reloads_failed]
        r config set tls-cert-file [certificate server.crt]
        assert_equal [expr {$done + 1}] [s tls_reloads_done]
        catch {r config set tls-cert-file /nosuch.crt}
        assert_equal [expr {$failed + 1}] [s tls_reloads_failed]
        assert_match "*/nosuch.crt*" [s tls_reload_last_error]
    }

    test "Memory held by TLS grows with the connections" {
        set before [s tls_memory]
        set count [s connected_clients]
        set clients {}
        for {set i 0} {$i < 50} {incr i} { lappend clients [redis_client] }
        assert {[s tls_memory] - $before > 50 * 5000}
        foreach c $clients { $c close }
        wait_until $count 10 {s connected_clients}
    }

    # Of one moment.
    proc tls_and_overhead {} {
        set info [r info everything]
        return [list [info_field $info tls_memory] \
            [expr {[info_field $info used_memory_overhead] - [info_field $info used_memory_startup]}]]
    }

    test "Overhead counts what TLS holds now, also when it holds less" {
        set threads [lindex [r config get io-threads] 1]
        r config set io-threads 4
        lassign [tls_and_overhead] tls overhead
        r config set io-threads 1
        wait_until 1 10 {expr {[s tls_memory] < $tls - 10000}}
        lassign [tls_and_overhead] tls_now overhead_now
        assert_range [expr {($overhead - $overhead_now) - ($tls - $tls_now)}] -20000 20000
        r config set io-threads $threads
    }

    test "LATENCY event tls-handshake" {
        r config set latency-monitor-threshold 1
        wait_until 1 10 {
            set c [redis_client]
            $c close
            string match *tls-handshake* [r latency latest]
        }
        assert {[llength [r latency history tls-handshake]] > 0}
        r config set latency-monitor-threshold 0
    }
}

start_server [list overrides [list port 0 tls-port [free_port] io-threads 3 io-threads-elastic no latency-monitor-threshold 50] tags sluice] {
    test "LATENCY event io-queue: a batch that waits for main" {
        set a [redis_deferring_client]
        set b [redis_deferring_client]
        $a ping; $a read; $b ping; $b read
        # Whose request comes first is up to the threads: again until the ping came while main slept.
        for {set i 0} {$i < 20 && ![string match *io-queue* [r latency latest]]} {incr i} {
            $a debug sleep 0.3
            resp::pause_ms 50
            $b ping
            assert_equal OK [$a read]
            assert_equal PONG [$b read]
        }
        assert_match *io-queue* [r latency latest]
        $a close
        $b close
    }
}

start_server [list overrides [list port [free_port] tls-port [free_port]] tags sluice] {
    test "Plain connections count for nothing about TLS" {
        set ends {tls_closed_clean tls_closed_truncated tls_closed_reset tls_closed_protocol_error}
        set before [lmap field $ends { s $field }]
        set port [lindex [r config get port] 1]
        foreach bytes {"PING\r\n" "*x\r\n"} {
            set c [resp::connect -port $port]
            $c write $bytes
            $c raw
            $c close
        }
        wait_until 1 5 { s connected_clients }
        assert_equal $before [lmap field $ends { s $field }]
    }
}
