# A file of TLS on a file system that hangs: what waits for it is answered after tls-file-timeout, and
# the changes behind it are made. A file that is held stands for the file system.

file_needs built_tls

# Threads that prepare contexts: one, and those that were given up and have not returned.
proc preparing {} {
    set count 0
    foreach task [glob /proc/[srv pid]/task/*] {
        if {![catch {read_file $task/comm} name] && [string match bg-prepare* $name]} { incr count }
    }
    return $count
}

set given_up "Not read in 200 milliseconds, so it is not waited for any longer: "

foreach threads {1 4} {
    start_server [list overrides [list port 0 tls-port [free_port] io-threads $threads tls-file-timeout 200] \
        tags sluice] {
        test "A file that hangs is given up, and the changes behind it are made (io-threads $threads)" {
            set slow [hold_file slow.crt]
            set first [redis_deferring_client]
            $first config set tls-cert-file $slow
            set second [redis_deferring_client]
            wait_until 1 10 {s blocked_clients}
            $second config set tls-protocols TLSv1.3
            assert_error "ERR CONFIG SET failed (possibly related to argument 'tls-cert-file') - Unable to update TLS configuration. Check server logs. ($given_up$slow)" {$first read}
            assert_equal OK [$second read]
            assert_equal {tls-protocols TLSv1.3} [r config get tls-protocols]
            assert_equal [list tls-cert-file [certificate server.crt]] [r config get tls-cert-file]
            assert_equal 0 [s blocked_clients]
            wait_for_log 0 "*$given_up$slow*"
            assert_equal OK [r config set tls-protocols ""]
            wait_until 2 10 {preparing}
            # What it brings at last is nobody's.
            release_file $slow
            wait_until 1 10 {preparing}
            assert_equal [list tls-cert-file [certificate server.crt]] [r config get tls-cert-file]
            assert_equal OK [r config set tls-cert-file [certificate server.crt]]
            foreach c [list $first $second] { $c close }
        }

        test "The client that asked has gone (io-threads $threads)" {
            set slow [hold_file gone.crt]
            set c [redis_deferring_client]
            $c config set tls-cert-file $slow
            wait_until 1 10 {s blocked_clients}
            $c close
            wait_until 1 10 {string match "*$given_up$slow*" [s tls_reload_last_error]}
            release_file $slow
            wait_until 1 10 {preparing}
        }

        test "Each directive names its file (io-threads $threads)" {
            foreach option {tls-key-file tls-ca-cert-file tls-crl-file tls-dh-params-file tls-client-cert-file} {
                set slow [hold_file slow.$option]
                set error [list r config set $option $slow]
                if {$option eq "tls-client-cert-file"} { lappend error tls-client-key-file [certificate client.key] }
                assert_error "*'$option'*$given_up$slow*" $error
                release_file $slow
                wait_until 1 10 {preparing}
            }
        }

        test "A transaction runs without what hangs (io-threads $threads)" {
            set slow [hold_file slow.exec]
            r multi
            r config set tls-cert-file $slow
            r config set tls-protocols TLSv1.3
            r echo last
            assert_match [list "*'tls-cert-file'*$given_up$slow*" OK last] [r exec]
            assert_equal {tls-protocols TLSv1.3} [r config get tls-protocols]
            release_file $slow
            wait_until 1 10 {preparing}
            assert_equal OK [r config set tls-protocols ""]
        }

        test "Threads that need contexts are not waited for either (io-threads $threads)" {
            set crt [file join [srv dir] own.crt]
            write_file $crt [read_file [certificate server.crt]]
            r config set tls-cert-file $crt
            hold $crt
            assert_error "*Cannot start the I/O threads*$given_up$crt*" {r config set io-threads [expr {$threads + 2}]}
            assert_equal [list io-threads $threads] [r config get io-threads]
            release_file $crt
            wait_until 1 10 {preparing}
            assert_equal OK [r config set io-threads [expr {$threads + 2}]]
            assert_equal OK [r config set io-threads $threads]
            wait_until [expr {$threads == 1 ? 0 : $threads}] 10 {regexp -all {io_thread_[1-9]\d*:} [r info threads]}
        }

        test "A reload that hangs is given up, once, and CONFIG SET helps (io-threads $threads)" {
            set failed [s tls_reloads_failed]
            hold $crt
            r config set tls-auto-reload-interval 1
            wait_until [expr {$failed + 1}] 10 {s tls_reloads_failed}
            assert_equal "$given_up$crt" [s tls_reload_last_error]
            wait_until 2 10 {preparing}
            # The file is the same, so this would hang too; another one does not.
            assert_error "*$given_up$crt*" {r config set tls-protocols TLSv1.2}
            assert_equal OK [r config set tls-cert-file [certificate server.crt]]
            assert_equal [expr {$failed + 2}] [s tls_reloads_failed]
            release_file $crt
            wait_until 1 10 {preparing}
            # Looks go on.
            r config set tls-cert-file $crt
            set done [s tls_reloads_done]
            write_file $crt [read_file [certificate server.crt]]\n
            wait_until 1 10 {expr {[s tls_reloads_done] > $done}}
            r config set tls-auto-reload-interval 0
        }

        test "When too many hang, changes are refused at once (io-threads $threads)" {
            r config set tls-cert-file [certificate server.crt]
            set held {}
            for {set i 1} {$i <= 4} {incr i} {
                lappend held [hold_file slow.$i]
                assert_error "*$given_up[lindex $held end]*" {r config set tls-crl-file [lindex $held end]}
                wait_until [expr {$i + 1}] 10 {preparing}
            }
            r config set tls-file-timeout 1000000
            assert_error "*Too many TLS files could not be read and are still waited for*" {r config set tls-protocols TLSv1.3}
            assert_equal OK [r config set timeout 0]
            assert_equal PONG [r ping]
            release_file [lindex $held 0]
            wait_until 4 10 {preparing}
            assert_equal OK [r config set tls-protocols TLSv1.3]
            foreach path [lrange $held 1 end] { release_file $path }
            wait_until 1 10 {preparing}
            r config set tls-file-timeout 200 tls-protocols ""
        }

        test "SHUTDOWN does not wait for what hangs (io-threads $threads)" {
            set slow [hold_file slow.end]
            assert_error "*$given_up$slow*" {r config set tls-crl-file $slow}
            assert_ends_while_files_are_read
            release_file $slow
        }
    }
}
