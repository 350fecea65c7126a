# CONFIG SET of TLS material: read and built by a worker, while the client waits and others do not.
# A file that is held stops the worker for as long as a test wants.

file_needs built_tls

set tls_only [list port 0 tls-port [free_port]]

foreach threads {1 4} {
    start_server [list overrides [concat $tls_only [list io-threads $threads]] tags sluice] {
        test "Others are served while a certificate is read (io-threads $threads)" {
            set slow [hold_file slow.crt]
            set c [redis_deferring_client]
            $c config set tls-cert-file $slow
            wait_until 1 10 {s blocked_clients}
            assert_equal PONG [r ping]
            assert_equal OK [r set k v]
            assert_equal [certificate server.crt] [lindex [r config get tls-cert-file] 1]
            set fresh [redis_client]
            assert_equal PONG [$fresh ping]
            $fresh close
            assert_equal 1 [s blocked_clients]
            release_until_answered $slow
            assert_error "ERR CONFIG SET failed (possibly related to argument 'tls-cert-file') - Unable to update TLS configuration. Check server logs. (Failed to load certificate: $slow: *)" {$c read}
            assert_equal [certificate server.crt] [lindex [r config get tls-cert-file] 1]
            assert_equal [serial_of server] [served_subject_serial]
            assert_equal 0 [s blocked_clients]
            $c close
        }

        test "What a client pipelines behind a change comes after it (io-threads $threads)" {
            set c [redis_deferring_client]
            $c write [resp::encode [list config set tls-cert-file [certificate server2.crt] tls-key-file [certificate server2.key]]][resp::encode {config get tls-cert-file}][resp::encode {echo last}]
            assert_equal OK [$c read]
            assert_equal [list tls-cert-file [certificate server2.crt]] [$c read]
            assert_equal last [$c read]
            assert_equal [serial_of server2] [served_subject_serial]
            $c config set tls-cert-file [certificate server.crt] tls-key-file [certificate server.key]
            assert_equal OK [$c read]
            $c close
        }

        test "Changes are made in the order in which they came (io-threads $threads)" {
            set slow [hold_file slow.crt]
            set first [redis_deferring_client]
            $first config set tls-cert-file $slow
            wait_until 1 10 {s blocked_clients}
            set second [redis_deferring_client]
            $second config set tls-protocols TLSv1.3
            set third [redis_deferring_client]
            $third config set tls-protocols TLSv1.2 timeout 1000
            wait_until 3 10 {s blocked_clients}
            assert_equal OK [r config set tls-handshake-timeout 9000]
            assert_equal {tls-protocols {}} [r config get tls-protocols]
            release_until_answered $slow
            assert_error "*Failed to load certificate*" {$first read}
            assert_equal OK [$second read]
            assert_equal OK [$third read]
            assert_equal {tls-protocols TLSv1.2} [r config get tls-protocols]
            assert_equal {timeout 1000} [r config get timeout]
            assert_equal {tls-handshake-timeout 9000} [r config get tls-handshake-timeout]
            assert_equal OK [r config set tls-protocols "" timeout 0]
            foreach c [list $first $second $third] { $c close }
        }

        test "A change that fails in the worker changes no other option (io-threads $threads)" {
            assert_error "*possibly related to argument 'tls-key-file'*Failed to load private key*" {
                r config set timeout 77 tls-key-file [certificate client.key] maxclients 5000
            }
            assert_equal {timeout 0} [r config get timeout]
            assert_equal {maxclients 10000} [r config get maxclients]
            assert_equal [list tls-key-file [certificate server.key]] [r config get tls-key-file]
        }

        test "The client goes away, or is killed, while it waits (io-threads $threads)" {
            foreach how {close kill} {
                set slow [hold_file slow.$how]
                set c [redis_deferring_client]
                $c client id
                set id [$c read]
                $c config set tls-cert-file $slow
                wait_until 1 10 {s blocked_clients}
                if {$how eq "kill"} { assert_equal 1 [r client kill id $id] }
                $c close
                wait_until 0 10 {string match "*id=$id *" [r client list]}
                release_file $slow
                wait_until 1 10 {string match "*$slow*" [s tls_reload_last_error]}
                assert_equal PONG [r ping]
            }
            assert_equal OK [r config set tls-cert-file [certificate server.crt]]
        }

        test "CLIENT REPLY OFF also mutes an answer that comes late (io-threads $threads)" {
            set c [redis_deferring_client]
            $c write [resp::encode {client reply off}][resp::encode [list config set tls-cert-file [certificate server.crt]]][resp::encode {client reply on}]
            assert_equal OK [$c read]
            $c write [resp::encode {echo next}]
            assert_equal next [$c read]
            $c close
        }

        test "A change that waits counts when it ends, and CLIENT UNBLOCK does not end it (io-threads $threads)" {
            r config resetstat
            set slow [hold_file slow.crt]
            set c [redis_deferring_client]
            $c client id
            set id [$c read]
            $c config set tls-cert-file $slow
            wait_until 1 10 {s blocked_clients}
            assert_equal 0 [r client unblock $id]
            release_until_answered $slow
            assert_error "*Unable to update TLS*" {$c read}
            assert_match "*cmdstat_config|set:calls=1,*failed_calls=1*" [r info commandstats]
            assert_match "*errorstat_ERR:count=1\r*" "[r info errorstats]\r"
            $c close
        }

        test "Another number of threads while a change is prepared (io-threads $threads)" {
            set c [redis_deferring_client]
            for {set i 0} {$i < 6} {incr i} {
                set name [expr {$i % 2 ? "server" : "server2"}]
                $c config set tls-cert-file [certificate $name.crt] tls-key-file [certificate $name.key]
                assert_equal OK [r config set io-threads [expr {$i % 3 + 1}]]
                assert_equal OK [$c read]
                assert_equal [serial_of $name] [served_subject_serial]
            }
            $c close
        }

        test "Threads that start get contexts that a worker has built (io-threads $threads)" {
            r config set io-threads 1
            wait_until 0 20 {regexp {io_thread_1:} [r info threads]}
            set slow [hold_file slow.crt]
            set c [redis_deferring_client]
            $c config set tls-cert-file $slow
            wait_until 1 10 {s blocked_clients}
            set d [redis_deferring_client]
            $d config set io-threads 5 tls-cert-file [certificate server2.crt] tls-key-file [certificate server2.key]
            wait_until 2 10 {s blocked_clients}
            assert_equal PONG [r ping]
            assert_equal {io-threads 1} [r config get io-threads]
            release_until_answered $slow
            assert_error * {$c read}
            assert_equal OK [$d read]
            assert_equal {io-threads 5} [r config get io-threads]
            for {set i 0} {$i < 8} {incr i} { assert_equal [serial_of server2] [served_subject_serial] }
            assert_error "*possibly related to argument 'tls-cert-file'*" {r config set io-threads 6 tls-cert-file /nosuch.crt}
            assert_equal {io-threads 5} [r config get io-threads]
            assert_equal OK [r config set io-threads 2 tls-cert-file [certificate server.crt] tls-key-file [certificate server.key]]
            assert_equal OK [r config set io-threads $threads]
            foreach x [list $c $d] { $x close }
        }

        test "More threads than there is material for: refused, and nothing changes (io-threads $threads)" {
            set crt [file join [srv dir] gone.crt]
            file copy -force [certificate server.crt] $crt
            r config set tls-cert-file $crt
            file delete $crt
            assert_error "ERR CONFIG SET failed (possibly related to argument 'io-threads') - Cannot start the I/O threads. Check server logs. (*gone.crt*)" {
                r config set io-threads 9 timeout 5
            }
            assert_equal {timeout 0} [r config get timeout]
            assert_equal [list io-threads $threads] [r config get io-threads]
            r config set tls-cert-file [certificate server.crt]
        }

        test "Threads whose places become free late get contexts that a worker has built (io-threads $threads)" {
            r config set io-threads 4
            wait_until 1 10 {regexp {io_thread_4:} [r info threads]}
            r config set io-threads 1
            wait_until 0 10 {regexp {io_thread_[1-4]:} [r info threads]}
            r debug pause-cron 1
            set slow [file join [srv dir] server2.crt]
            file copy -force [certificate server2.crt] $slow
            r config set tls-cert-file $slow tls-key-file [certificate server2.key]
            hold $slow
            set c [redis_deferring_client]
            $c config set io-threads 4
            assert_equal OK [$c read]
            r debug pause-cron 0
            for {set i 0} {$i < 50} {incr i} {
                assert_equal PONG [r ping]
                resp::pause_ms 10
            }
            assert_equal 0 [regexp {io_thread_1:} [r info threads]]
            release_file $slow
            wait_until 1 10 {regexp {io_thread_4:} [r info threads]}
            for {set i 0} {$i < 8} {incr i} { assert_equal [serial_of server2] [served_subject_serial] }
            assert_equal OK [r config set tls-cert-file [certificate server.crt] tls-key-file [certificate server.key]]
            $c close
        }

        test "Threads that start have the certificates of the others, also when the files have changed (io-threads $threads)" {
            set crt [file join [srv dir] own.crt]
            set key [file join [srv dir] own.key]
            foreach {file kind} [list $crt crt $key key] { file copy -force [certificate server.$kind] $file }
            assert_equal OK [r config set tls-cert-file $crt tls-key-file $key io-threads 2]
            assert_equal [serial_of server] [served_subject_serial]
            foreach {file kind} [list $crt crt $key key] { file copy -force [certificate server2.$kind] $file }
            assert_equal OK [r config set io-threads 5]
            for {set i 0} {$i < 10} {incr i} { assert_equal [serial_of server2] [served_subject_serial] }
            write_file $crt nonsense
            assert_error "ERR CONFIG SET failed (possibly related to argument 'io-threads') - Cannot start the I/O threads. Check server logs. (Failed to load certificate: $crt: *" {
                r config set io-threads 7
            }
            assert_equal {io-threads 5} [r config get io-threads]
            for {set i 0} {$i < 6} {incr i} { assert_equal [serial_of server2] [served_subject_serial] }
            # The same with the places of threads that still end.
            r config set io-threads 2
            wait_until 0 10 {regexp {io_thread_[3-5]:} [r info threads]}
            foreach {file kind} [list $crt crt $key key] { file copy -force [certificate server.$kind] $file }
            r config set io-threads 5
            wait_until 1 10 {regexp {io_thread_5:} [r info threads]}
            for {set i 0} {$i < 10} {incr i} { assert_equal [serial_of server] [served_subject_serial] }
            assert_equal OK [r config set tls-cert-file [certificate server.crt] tls-key-file [certificate server.key]]
            r config set io-threads $threads
        }

        test "SHUTDOWN while a change is prepared (io-threads $threads)" {
            set slow [hold_file slow.crt]
            set c [redis_deferring_client]
            $c config set tls-cert-file $slow
            wait_until 1 10 {s blocked_clients}
            assert_ends_while_files_are_read
            release_file $slow
            $c close
        }
    }
}

start_server [list overrides $tls_only tags sluice] {
    test "The reason is in the reply and in the log" {
        set pipe [file join [srv dir] pipe]
        exec mkfifo $pipe
        foreach {settings reason} [list \
            [list tls-cert-file [certificate server-expired.crt] tls-key-file [certificate server-expired.key]] "*expired*" \
            [list tls-cert-file [certificate server2.crt]] "*Failed to load private key: *" \
            [list tls-key-file [certificate encrypted.key]] "*Failed to load private key: *" \
            [list tls-cert-file /nosuch.crt] "*Failed to load certificate: /nosuch.crt: *" \
            [list tls-cert-file [certificate server.key]] "*Failed to load certificate: *" \
            [list tls-ca-cert-file /nosuch.crt] "*Failed to configure CA certificate(s) file/directory*" \
            [list tls-crl-file /nosuch.crl] "*nosuch.crl*" \
            [list tls-cert-file $pipe] "*Failed to load certificate: $pipe: not a regular file*" \
            [list tls-key-file $pipe] "*Failed to load private key: $pipe: not a regular file*" \
            [list tls-ca-cert-file $pipe] "*Failed to configure CA certificate(s) file/directory: $pipe: not a regular file*" \
            [list tls-crl-file $pipe] "*Failed to load tls-crl-file: $pipe: not a regular file*" \
            [list tls-dh-params-file $pipe] "*Failed to load $pipe: not a regular file*" \
            [list tls-cert-file /dev/zero] "*Failed to load certificate: /dev/zero: not a regular file*" \
            [list tls-ciphers NOSUCH] "*Failed to configure ciphers: NOSUCH*"] {
            set mark [log_size]
            assert_error "ERR CONFIG SET failed (possibly related to argument '[lindex $settings 0]') - Unable to update TLS configuration. Check server logs. $reason" [list r config set {*}$settings]
            assert {[llength [log_lines_after $mark $reason]] > 0}
            assert_equal [serial_of server] [served_subject_serial]
        }
    }

    test "CONFIG REWRITE keeps every TLS directive over a restart" {
        file copy -force [certificate ca.crt] [file join [srv dir] ca.pem]
        assert_equal OK [r config set tls-key-file [certificate encrypted.key] tls-key-file-pass secret \
            tls-client-cert-file [certificate alice.crt] tls-client-key-file [certificate alice.key] \
            tls-client-key-file-pass "a b\"c\\" tls-ca-cert-dir [srv dir] tls-crl-file [certificate ca.crl] \
            tls-auth-clients optional tls-auth-clients-user cn tls-replication yes tls-protocols "TLSv1.2 TLSv1.3" \
            tls-ciphers HIGH:!aNULL tls-ciphersuites TLS_AES_256_GCM_SHA384 tls-groups X25519:P-256 \
            tls-prefer-server-ciphers yes tls-session-cache-size 77 tls-session-cache-timeout 99 tls-session-tickets no \
            tls-ticket-key-rotation 55 tls-keylog-file [file join [srv dir] keys] tls-expected-peer-name "a b" \
            tls-auto-reload-interval 7 tls-handshake-timeout 9000 tls-handshakes-max-per-thread 9 \
            max-new-tls-connections-per-cycle 5 io-threads 3 io-threads-elastic no]
        assert_equal OK [r config rewrite]
        set names {tls-* max-new-* io-*}
        set before [r config get {*}$names]
        restart_server
        assert_equal $before [r config get {*}$names]
        r config set tls-crl-file "" tls-ca-cert-dir "" tls-client-cert-file "" tls-client-key-file "" tls-ciphers "" \
            tls-ciphersuites "" tls-groups "" tls-keylog-file "" io-threads 1
    }

    test "CONFIG REWRITE writes what a change has put in force" {
        assert_equal OK [r config set tls-cert-file [certificate server2.crt] tls-key-file [certificate server2.key] tls-protocols TLSv1.3]
        assert_equal OK [r config rewrite]
        set text [read_file [srv config]]
        assert_match "*tls-cert-file *server2.crt*" $text
        assert_match "*tls-protocols *TLSv1.3*" $text
    }
}
