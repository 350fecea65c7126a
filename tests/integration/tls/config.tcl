# TLS directives: mistakes at start, changes while running.

file_needs built_tls

proc refused_start {settings} {
    set dir [new_server_dir]
    set text [config_text [dict merge [dict create bind 127.0.0.1 port 0 tls-port [free_port] \
        {*}[tls_server_settings]] $settings]]
    write_file $dir/redis.conf $text
    lassign [run_server_program [list $dir/redis.conf]] code output
    file delete -force $dir
    assert_equal 1 $code $output
    return $output
}

proc without {name} {
    return [dict create $name ""]
}

test "No certificate, no key, no authority" {
    assert_match "*No tls-cert-file configured!*" [refused_start {tls-cert-file ""}]
    assert_match "*No tls-key-file configured!*" [refused_start {tls-key-file ""}]
    assert_match "*Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients are enabled!*" \
        [refused_start {tls-ca-cert-file ""}]
}

start_server [list overrides [list port [free_port] tls-port 0]] {
    test "tls-replication and tls-cluster need a certificate, a key and an authority too" {
        foreach name {tls-replication tls-cluster} {
            foreach missing {tls-cert-file tls-key-file tls-ca-cert-file} {
                set settings [list tls-cert-file [certificate server.crt] tls-key-file [certificate server.key] \
                    tls-ca-cert-file [certificate ca.crt]]
                dict set settings $missing ""
                assert_error "*Unable to update TLS configuration*" {r config set $name yes {*}$settings}
                assert_equal [list $name no] [r config get $name]
            }
            assert_equal OK [r config set $name yes {*}[tls_server_settings]]
            assert_error "*Unable to update TLS configuration*" {r config set tls-ca-cert-file ""}
            assert_equal OK [r config set $name no]
            assert_equal OK [r config set tls-cert-file "" tls-key-file "" tls-ca-cert-file ""]
        }
    }
}

test "Files that are not there or hold something else" {
    assert_match "*Failed to load certificate: /nosuch.crt*" [refused_start {tls-cert-file /nosuch.crt}]
    assert_match "*Failed to load private key: /nosuch.key*" [refused_start {tls-key-file /nosuch.key}]
    assert_match "*Failed to configure CA certificate(s) file/directory*" [refused_start {tls-ca-cert-file /nosuch.crt}]
    assert_match "*Failed to load certificate: *" [refused_start [list tls-cert-file [certificate server.key]]]
}

test "A key of another certificate" {
    assert_match "*Failed to load private key: *" [refused_start [list tls-key-file [certificate client.key]]]
}

test "An encrypted key without its passphrase, or with a wrong one" {
    assert_match "*Failed to load private key: *" [refused_start [list tls-key-file [certificate encrypted.key]]]
    if {[server_is_sluice]} {
        assert_match "*Failed to load private key: [certificate encrypted.key]: it is encrypted, and no passphrase is configured*" [
            refused_start [list tls-key-file [certificate encrypted.key]]]
    }
    assert_match "*Failed to load private key: *" [
        refused_start [list tls-key-file [certificate encrypted.key] tls-key-file-pass wrong]]
}

test "An expired server certificate" {
    assert_match "*expired*" [refused_start [tls_server_settings server-expired]]
} {sluice}

test "Wrong protocols and ciphers" {
    assert_match "*Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'*" \
        [refused_start {tls-protocols TLSv9}]
    assert_match "*Failed to configure ciphers: NOSUCH*" [refused_start {tls-ciphers NOSUCH}]
    assert_match "*Failed to configure ciphersuites: NOSUCH*" [refused_start {tls-ciphersuites NOSUCH}]
}

start_server [list overrides [list port 0 tls-port [free_port]]] {
    proc served_serial {} {
        set output [s_client [srv tls_port] -input "QUIT\r\n"]
        regexp {(-----BEGIN CERTIFICATE-----.*-----END CERTIFICATE-----)} $output -> pem
        return [exec openssl x509 -noout -serial << $pem]
    }

    proc serial_of {name} {
        return [exec openssl x509 -noout -serial -in [certificate $name.crt]]
    }

    test "A changed certificate is used for new connections, old ones go on" {
        set old [redis_client]
        assert_equal [serial_of server] [served_serial]
        assert_equal OK [r config set tls-cert-file [certificate server2.crt] tls-key-file [certificate server2.key]]
        assert_equal [serial_of server2] [served_serial]
        assert_equal PONG [$old ping]
        $old close
        r config set tls-cert-file [certificate server.crt] tls-key-file [certificate server.key]
    }

    test "Setting the same path reads the file again" {
        set crt [file join [srv dir] live.crt]
        set key [file join [srv dir] live.key]
        file copy -force [certificate server.crt] $crt
        file copy -force [certificate server.key] $key
        r config set tls-cert-file $crt tls-key-file $key
        file copy -force [certificate server2.crt] $crt
        file copy -force [certificate server2.key] $key
        assert_equal [serial_of server] [served_serial]
        r config set tls-cert-file $crt
        assert_equal [serial_of server2] [served_serial]
        r config set tls-cert-file [certificate server.crt] tls-key-file [certificate server.key]
    }

    test "A change that fails changes nothing" {
        foreach settings [list \
            [list tls-cert-file /nosuch.crt] \
            [list tls-cert-file [certificate server2.crt]] \
            [list tls-key-file [certificate client.key]] \
            [list tls-ca-cert-file /nosuch.crt] \
            [list tls-ciphers NOSUCH] \
            [list timeout 99 tls-protocols TLSv9]] {
            assert_error "ERR CONFIG SET failed (possibly related to argument '*') - *" [list r config set {*}$settings]
            foreach {name value} $settings {
                assert_not_equal $value [lindex [r config get $name] 1]
            }
            assert_equal [serial_of server] [served_serial]
        }
    }

    test "The error of a failing change is Redis's" {
        assert_error "ERR CONFIG SET failed (possibly related to argument 'tls-cert-file') - Unable to update TLS configuration. Check server logs.*" {
            r config set tls-cert-file /nosuch.crt
        }
    }

    test "Busy connections live through many reloads" {
        set clients {}
        for {set i 0} {$i < 5} {incr i} { lappend clients [redis_deferring_client] }
        for {set round 0} {$round < 15} {incr round} {
            foreach c $clients { for {set j 0} {$j < 20} {incr j} { $c echo $round } }
            set name [expr {$round % 2 ? "server" : "server2"}]
            r config set tls-cert-file [certificate $name.crt] tls-key-file [certificate $name.key]
            set fresh [redis_client]
            assert_equal PONG [$fresh ping]
            $fresh close
            foreach c $clients { for {set j 0} {$j < 20} {incr j} { assert_equal $round [$c read] } }
        }
        foreach c $clients { $c close }
        r config set tls-cert-file [certificate server.crt] tls-key-file [certificate server.key]
    }

    test "The port can change while running" {
        set old [srv tls_port]
        set new [free_port]
        set keep [redis_client]
        assert_equal OK [r config set tls-port $new]
        set c [redis_client -port $new]
        assert_equal PONG [$c ping]
        assert_equal PONG [$keep ping]
        assert_equal 1 [catch {close [socket 127.0.0.1 $old]}]
        $c config set tls-port $old
        $c close
        $keep close
        assert_equal PONG [[redis_client] ping]
    }

    test "TLS can be turned off and on, plaintext on and off" {
        set port [free_port]
        set tls [srv tls_port]
        assert_equal OK [r config set port $port]
        set c [resp::connect -port $port]
        assert_equal OK [$c config set tls-port 0]
        assert_equal 1 [catch {close [socket 127.0.0.1 $tls]}]
        assert_equal PONG [r ping]
        assert_equal OK [$c config set tls-port $tls]
        set t [redis_client]
        assert_equal OK [$t config set port 0]
        assert_equal 1 [catch {close [socket 127.0.0.1 $port]}]
        assert_equal PONG [$c ping]
        $c close
        $t close
    }

    test "The passphrase is not shown in the log" {
        r config set tls-key-file-pass topsecretphrase
        assert_equal 0 [server_log_contains *topsecretphrase*]
        r config set tls-key-file-pass ""
    }
}

start_server [list overrides [list port 0 tls-port [free_port] tls-auto-reload-interval 1] tags sluice] {
    test "tls-auto-reload-interval notices changed files" {
        set crt [file join [srv dir] auto.crt]
        set key [file join [srv dir] auto.key]
        file copy -force [certificate server.crt] $crt
        file copy -force [certificate server.key] $key
        r config set tls-cert-file $crt tls-key-file $key
        file copy -force [certificate server2.crt] $crt
        file copy -force [certificate server2.key] $key
        wait_until [exec openssl x509 -noout -serial -in [certificate server2.crt]] 10 {
            regexp {(-----BEGIN CERTIFICATE-----.*-----END CERTIFICATE-----)} [
                s_client [srv tls_port] -input "QUIT\r\n"] -> pem
            exec openssl x509 -noout -serial << $pem
        }
    }
}

start_server [list overrides [list port 0 tls-port [free_port] io-threads 2] tags sluice] {
    test "Every TLS directive can be changed while running, and back" {
        set dh [file join [srv dir] dh.pem]
        exec openssl genpkey -genparam -algorithm DH -pkeyopt group:ffdhe2048 -out $dh
        set folder [file join [srv dir] roots]
        file mkdir $folder
        file copy [certificate ca.crt] $folder/ca.pem
        set keylog [file join [srv dir] keys.log]
        foreach {name value} [list \
            tls-cert-file [certificate server.crt] tls-key-file [certificate server.key] tls-key-file-pass secret \
            tls-client-cert-file [certificate client.crt] tls-client-key-file [certificate client.key] \
            tls-client-key-file-pass secret tls-dh-params-file $dh tls-ca-cert-file [certificate ca.crt] \
            tls-ca-cert-dir $folder tls-crl-file [certificate ca.crl] tls-auth-clients optional \
            tls-auth-clients-user uri tls-replication yes tls-cluster yes tls-protocols TLSv1.3 \
            tls-ciphers ECDHE-ECDSA-AES256-GCM-SHA384 tls-ciphersuites TLS_AES_128_GCM_SHA256 tls-groups P-256 \
            tls-prefer-server-ciphers yes tls-session-caching no tls-session-cache-size 10 \
            tls-session-cache-timeout 5 tls-session-tickets no tls-ticket-key-rotation 7 tls-keylog-file $keylog \
            tls-expected-peer-name "a.example b.example" tls-auto-reload-interval 3600 tls-handshake-timeout 4321 \
            tls-handshakes-max-per-thread 17 max-new-tls-connections-per-cycle 3] {
            set old [lindex [r config get $name] 1]
            assert_equal OK [r config set $name $value] $name
            assert_equal [list $name $value] [r config get $name]
            set c [redis_client]
            assert_equal PONG [$c ping] $name
            $c close
            assert_equal OK [r config set $name $old] $name
            assert_equal [list $name $old] [r config get $name]
        }
        assert_match "*CLIENT_HANDSHAKE_TRAFFIC_SECRET*" [read_file $keylog]
        assert_equal 1 [server_log_contains "*tls-keylog-file is set*"]
        set c [redis_client]
        assert_equal PONG [$c ping]
        $c close
    }

    test "TLS directives: what is refused" {
        foreach {name value text} {
            tls-auto-reload-interval -1 "*must be between*" tls-ticket-key-rotation 0 "*must be between*"
            tls-handshakes-max-per-thread 0 "*must be between*" max-new-tls-connections-per-cycle 1001 "*must be between*"
            tls-auth-clients maybe "*must be one of the following*" tls-auth-clients-user dn "*must be one of the following*"
            tls-expected-peer-name "   " "*contains no usable name*" tls-groups NOSUCH "*Failed to configure groups: NOSUCH*"
            tls-dh-params-file /nosuch.pem "*Failed to load /nosuch.pem*" tls-crl-file /nosuch.crl "*nosuch.crl*"
            tls-session-cache-size -1 "*must be between*" tls-port 65536 "*must be between*"
        } {
            assert_error "ERR CONFIG SET failed (possibly related to argument '$name') - $text" {r config set $name $value}
        }
        assert_equal PONG [r ping]
    }
}
