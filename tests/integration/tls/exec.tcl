# EXEC of a transaction with CONFIG SET of TLS material, or of more I/O threads: a worker prepares
# what its changes need before it runs, in one go, while others are served.

file_needs built_tls

set tls_only [list port 0 tls-port [free_port]]

proc pair {name} { return [list tls-cert-file [certificate $name.crt] tls-key-file [certificate $name.key]] }

# Whoever opens this copy of a certificate waits.
proc hold_certificate {name} {
    set path [file join [srv dir] $name.held.crt]
    file copy -force [certificate $name.crt] $path
    hold $path
    return $path
}

# Begins a transaction of the client's that runs these commands.
proc queue_commands {c commands} {
    foreach command [linsert $commands 0 multi] {
        $c {*}$command
        assert_match {[OQ]*} [$c read]
    }
}

proc queue_and_exec {c commands} {
    queue_commands $c $commands
    $c exec
}

# The replies of EXEC, errors among them.
proc run_transaction {c commands} {
    queue_and_exec $c $commands
    return [$c read]
}

proc back_to_server {} { assert_equal OK [r config set {*}[pair server] tls-protocols "" timeout 0] }

foreach threads {1 4} {
    start_server [list overrides [concat $tls_only [list io-threads $threads]] tags sluice] {
        test "Others are served while EXEC waits for a certificate (io-threads $threads)" {
            set held [hold_certificate server2]
            set c [redis_deferring_client]
            r config resetstat
            queue_and_exec $c [list {set k 1} [list config set tls-cert-file $held tls-key-file [certificate server2.key]] {get k} {config get tls-cert-file}]
            $c echo next
            wait_until 1 10 {s blocked_clients}
            assert_equal PONG [r ping]
            assert_equal 0 [r exists k]
            assert_equal OK [r set other v]
            assert_equal [certificate server.crt] [lindex [r config get tls-cert-file] 1]
            set fresh [redis_client]
            assert_equal PONG [$fresh ping]
            $fresh close
            release_until_answered $held
            assert_equal [list OK OK 1 [list tls-cert-file $held]] [$c read]
            assert_equal next [$c read]
            assert_equal [serial_of server2] [served_subject_serial]
            assert_match "*cmdstat_exec:calls=1,*" [r info commandstats]
            assert_match "*cmdstat_config|set:calls=1,*" [r info commandstats]
            $c close
            r del k
            back_to_server
        }

        test "A change that fails gives its error, and the others are made (io-threads $threads)" {
            set c [redis_deferring_client]
            assert_match [list OK \
                "ERR CONFIG SET failed (possibly related to argument 'tls-cert-file') - Unable to update TLS configuration. Check server logs. (Failed to load certificate: /nosuch.crt: *)" \
                OK [list tls-cert-file [certificate server2.crt]] {timeout 5} \
                "ERR CONFIG SET failed (possibly related to argument 'tls-protocols') - Invalid tls-protocols*" \
                "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'" \
                "ERR syntax error" 1] [run_transaction $c [list \
                    {config set timeout 5} \
                    {config set timeout 77 tls-cert-file /nosuch.crt maxclients 5000} \
                    [list config set {*}[pair server2]] \
                    {config get tls-cert-file} \
                    {config get timeout} \
                    {config set tls-protocols TLSv9} \
                    {config set nosuch 1} \
                    {config set timeout 1 tls-port} \
                    {incr done}]]
            assert_equal {maxclients 10000} [r config get maxclients]
            assert_equal [serial_of server2] [served_subject_serial]
            assert_match "*nosuch*" [lindex [run_transaction $c [list {config set tls-ca-cert-file /nosuch.crt}]] 0]
            assert_match "*nosuch*" [s tls_reload_last_error]
            $c close
            r del done
            back_to_server
        }

        test "Each change builds on those before it (io-threads $threads)" {
            set c [redis_deferring_client]
            assert_match [list OK \
                "*'tls-cert-file'*Failed to load private key*" \
                OK OK {tls-protocols TLSv1.3} \
                "*'tls-cert-file'*Failed to load private key*" \
                OK "*'tls-key-file'*Failed to load private key*"] [run_transaction $c [list \
                    {config set tls-protocols TLSv1.3} \
                    [list config set tls-cert-file [certificate server2.crt]] \
                    [list config set {*}[pair server2]] \
                    [list config set tls-cert-file [certificate server2.crt]] \
                    {config get tls-protocols} \
                    [list config set tls-cert-file [certificate server.crt]] \
                    [list config set {*}[pair server]] \
                    [list config set tls-key-file [certificate server2.key]]]]
            assert_equal {tls-protocols TLSv1.3} [r config get tls-protocols]
            assert_equal [serial_of server] [served_subject_serial]
            assert_match "*TLSv1.3*" [s_client [srv tls_port] -input "QUIT\r\n"]
            $c close
            back_to_server
        }

        test "More changes than are prepared for one EXEC (io-threads $threads)" {
            set c [redis_deferring_client]
            set commands {}
            for {set i 0} {$i < 20} {incr i} { lappend commands "config set tls-session-cache-timeout [expr {400 + $i}]" }
            set replies [run_transaction $c $commands]
            assert_equal [lrepeat 16 OK] [lrange $replies 0 15]
            foreach reply [lrange $replies 16 end] { assert_match "*Unable to update TLS configuration*" $reply }
            assert_equal {tls-session-cache-timeout 415} [r config get tls-session-cache-timeout]
            assert_equal OK [r config set tls-session-cache-timeout 300]
            $c close
        }

        test "More threads in a transaction (io-threads $threads)" {
            r config set io-threads 1
            wait_until 0 20 {regexp {io_thread_1:} [r info threads]}
            set held [hold_certificate server2]
            set c [redis_deferring_client]
            queue_and_exec $c [list {config set io-threads 3} \
                [list config set tls-cert-file $held tls-key-file [certificate server2.key]] \
                {config set io-threads 5} {config get io-threads} {config set io-threads 2} {config set io-threads 4}]
            wait_until 1 10 {s blocked_clients}
            assert_equal PONG [r ping]
            assert_equal {io-threads 1} [r config get io-threads]
            release_until_answered $held
            assert_equal {OK OK OK {io-threads 5} OK OK} [$c read]
            for {set i 0} {$i < 10} {incr i} { assert_equal [serial_of server2] [served_subject_serial] }
            $c close
            back_to_server
            r config set io-threads $threads
        }

        test "Threads that start in a transaction have the certificates of the others, also when the files have changed (io-threads $threads)" {
            set crt [file join [srv dir] own.crt]
            set key [file join [srv dir] own.key]
            foreach {file kind} [list $crt crt $key key] { file copy -force [certificate server.$kind] $file }
            assert_equal OK [r config set tls-cert-file $crt tls-key-file $key io-threads 2]
            foreach {file kind} [list $crt crt $key key] { file copy -force [certificate server2.$kind] $file }
            set c [redis_deferring_client]
            assert_equal {OK 1} [run_transaction $c {{config set io-threads 5} {incr n}}]
            for {set i 0} {$i < 10} {incr i} { assert_equal [serial_of server2] [served_subject_serial] }
            write_file $crt nonsense
            assert_match [list "ERR CONFIG SET failed (possibly related to argument 'io-threads') - Cannot start the I/O threads. Check server logs. (Failed to load certificate: $crt: *" 2] \
                [run_transaction $c {{config set io-threads 9} {incr n}}]
            assert_equal {io-threads 5} [r config get io-threads]
            for {set i 0} {$i < 6} {incr i} { assert_equal [serial_of server2] [served_subject_serial] }
            $c close
            r del n
            back_to_server
            r config set io-threads $threads
        }

        test "A watched key changes while EXEC waits (io-threads $threads)" {
            foreach how {set expire} {
                set held [hold_certificate server2]
                set c [redis_deferring_client]
                if {$how eq "set"} { r set watched 1 } else { r set watched 1 px 1000 }
                $c watch watched
                assert_equal OK [$c read]
                queue_and_exec $c [list [list config set tls-cert-file $held tls-key-file [certificate server2.key]] {set k 1}]
                wait_until 1 10 {s blocked_clients}
                if {$how eq "set"} { r set watched 2 } else { wait_until 0 5 {r exists watched} }
                release_until_answered $held
                assert_equal {} [$c read]
                assert_equal 0 [r exists k]
                assert_equal [certificate server.crt] [lindex [r config get tls-cert-file] 1]
                # The transaction is over.
                $c set k 2
                assert_equal OK [$c read]
                $c close
                r del k
            }
        }

        test "What was watched and did not change (io-threads $threads)" {
            set c [redis_deferring_client]
            $c watch watched
            assert_equal OK [$c read]
            assert_equal {OK OK} [run_transaction $c [list {set watched 3} [list config set {*}[pair server2]]]]
            assert_equal [serial_of server2] [served_subject_serial]
            $c close
            back_to_server
        }

        test "The client goes away, or is killed, while its EXEC waits: it is not run (io-threads $threads)" {
            foreach how {close kill} {
                set held [hold_certificate server2]
                set c [redis_deferring_client]
                $c client id
                set id [$c read]
                queue_and_exec $c [list {set k 1} [list config set tls-cert-file $held tls-key-file [certificate server2.key]]]
                wait_until 1 10 {s blocked_clients}
                if {$how eq "kill"} { assert_equal 1 [r client kill id $id] }
                $c close
                wait_until 0 10 {string match "*id=$id *" [r client list]}
                set d [redis_deferring_client]
                $d config set tls-session-cache-timeout [expr {$how eq "kill" ? 301 : 302}]
                wait_until 1 10 {s blocked_clients}
                release_file $held
                assert_equal OK [$d read]
                assert_equal 0 [r exists k]
                assert_equal [certificate server.crt] [lindex [r config get tls-cert-file] 1]
                assert_equal [serial_of server] [served_subject_serial]
                $d close
            }
        }

        test "A transaction that is not run waits for nothing (io-threads $threads)" {
            set held [hold_certificate server2]
            set change [list config set tls-cert-file $held]
            set c [redis_deferring_client]
            queue_commands $c [list $change]
            $c discard
            assert_equal OK [$c read]
            queue_commands $c [list $change]
            $c nosuch
            assert_error "*unknown command*" {$c read}
            $c exec
            assert_error "EXECABORT*" {$c read}
            r set watched 1
            $c watch watched
            assert_equal OK [$c read]
            r set watched 2
            assert_equal {} [run_transaction $c [list $change]]
            release_file $held
            assert_equal [serial_of server] [served_subject_serial]
            $c close
        }

        test "Transactions and changes are made in the order in which they came (io-threads $threads)" {
            set held [hold_certificate server2]
            set first [redis_deferring_client]
            set second [redis_deferring_client]
            set third [redis_deferring_client]
            $first config set tls-cert-file $held tls-key-file [certificate server2.key]
            wait_until 1 10 {s blocked_clients}
            queue_and_exec $second [list {config get tls-cert-file} {config set tls-protocols TLSv1.3}]
            wait_until 2 10 {s blocked_clients}
            $third config set {*}[pair server]
            wait_until 3 10 {s blocked_clients}
            assert_equal {OK {timeout 9}} [run_transaction [set c [redis_deferring_client]] {{config set timeout 9} {config get timeout}}]
            release_until_answered $held
            assert_equal OK [$first read]
            assert_equal [list [list tls-cert-file $held] OK] [$second read]
            assert_equal OK [$third read]
            assert_equal [serial_of server] [served_subject_serial]
            foreach x [list $first $second $third $c] { $x close }
            back_to_server
        }

        test "Another number of threads while EXEC waits: it is prepared once more (io-threads $threads)" {
            r config set io-threads 4
            wait_until 1 10 {regexp {io_thread_4:} [r info threads]}
            set held [hold_certificate server2]
            set c [redis_deferring_client]
            queue_and_exec $c [list [list config set tls-cert-file $held tls-key-file [certificate server2.key]] {set k 1}]
            wait_until 1 10 {s blocked_clients}
            r config set io-threads 1
            wait_until 0 10 {regexp {io_thread_1:} [r info threads]}
            release_until_answered $held
            assert_equal {OK OK} [$c read]
            for {set i 0} {$i < 4} {incr i} { assert_equal [serial_of server2] [served_subject_serial] }
            $c close
            r del k
            back_to_server
            r config set io-threads $threads
        }

        test "CLIENT PAUSE begins while EXEC waits (io-threads $threads)" {
            set held [hold_certificate server2]
            set c [redis_deferring_client]
            queue_and_exec $c [list [list config set tls-cert-file $held tls-key-file [certificate server2.key]] {set k 1}]
            wait_until 1 10 {s blocked_clients}
            r client pause 100000 write
            release_file $held
            # Changes of others do not wait for it.
            set d [redis_deferring_client]
            $d config set tls-session-cache-timeout 303
            assert_equal OK [$d read]
            assert_equal 0 [r exists k]
            assert_equal 1 [s blocked_clients]
            r client unpause
            assert_equal {OK OK} [$c read]
            assert_equal 1 [r exists k]
            assert_equal [serial_of server2] [served_subject_serial]
            foreach x [list $c $d] { $x close }
            r del k
            back_to_server
        }

        test "MONITOR shows EXEC once, behind its commands, and who waits for a key is served (io-threads $threads)" {
            set monitor [redis_deferring_client]
            $monitor monitor
            assert_equal OK [$monitor read]
            set waiter [redis_deferring_client]
            $waiter blpop list 0
            wait_until 1 10 {s blocked_clients}
            set c [redis_deferring_client]
            assert_equal {1 OK} [run_transaction $c [list {rpush list x} [list config set {*}[pair server2]]]]
            assert_equal {list x} [$waiter read]
            r echo end
            set seen {}
            while {[lindex $seen end] ne "echo"} {
                if {[regexp {"(multi|rpush|exec|echo)"} [$monitor read] -> name]} { lappend seen $name }
            }
            assert_equal {multi rpush exec echo} $seen
            foreach x [list $monitor $waiter $c] { $x close }
            back_to_server
        }

        test "CLIENT REPLY OFF also mutes an EXEC that waited, and CLIENT UNBLOCK does not end it (io-threads $threads)" {
            set held [hold_certificate server2]
            set c [redis_deferring_client]
            $c client id
            set id [$c read]
            $c write [resp::encode {client reply off}][resp::encode multi][resp::encode [list config set tls-cert-file $held tls-key-file [certificate server2.key]]][resp::encode exec][resp::encode {client reply on}]
            wait_until 1 10 {s blocked_clients}
            assert_equal 0 [r client unblock $id]
            release_file $held
            assert_equal OK [$c read]
            assert_equal [serial_of server2] [served_subject_serial]
            $c close
            back_to_server
        }

        test "SHUTDOWN while EXEC waits (io-threads $threads)" {
            set held [hold_certificate server2]
            set c [redis_deferring_client]
            queue_and_exec $c [list [list config set tls-cert-file $held tls-key-file [certificate server2.key]]]
            wait_until 1 10 {s blocked_clients}
            set pid [srv pid]
            server_may_exit
            catch {r shutdown nosave}
            wait_until 0 10 {process_alive $pid}
            assert_equal 1 [server_log_contains "*bye bye*"]
            release_file $held
            $c close
        }
    }
}

# Without a port of TLS nothing has to be prepared, so a change is made at once.
start_server [list overrides [list port [free_port] tls-port 0] tags sluice] {
    test "What is changed while the port of TLS is being opened counts for it" {
        foreach how {plain exec} {
            assert_equal OK [r config set {*}[pair server]]
            set held [hold_certificate ca]
            assert_equal OK [r config set tls-ca-cert-file $held]
            set c [redis_deferring_client]
            set port [free_port]
            if {$how eq "plain"} { $c config set tls-port $port } else { queue_and_exec $c [list [list config set tls-port $port]] }
            wait_until 1 10 {s blocked_clients}
            assert_equal OK [r config set {*}[pair server2]]
            release_until_answered $held
            assert_equal OK [lindex [$c read] 0]
            assert_equal [serial_of server2] [serial_at $port]
            assert_equal OK [r config set tls-port 0]
            $c close
        }
    }

    test "Threads that start together with TLS have contexts" {
        foreach how {plain exec taken} {
            r config set io-threads 1
            wait_until 0 20 {regexp {io_thread_1:} [r info threads]}
            set port [free_port]
            set change [list tls-ca-cert-file [certificate ca.crt] {*}[pair server] tls-port $port]
            if {$how eq "plain"} {
                assert_equal OK [r config set {*}$change io-threads 4]
            } elseif {$how eq "exec"} {
                set c [redis_deferring_client]
                assert_equal {OK OK} [run_transaction $c [list [list config set {*}$change] {config set io-threads 4}]]
                $c close
            } else {
                set taken [socket -server {apply {{channel args} {close $channel}}} -myaddr 127.0.0.1 0]
                assert_error "*Unable to listen*" {r config set {*}[lrange $change 0 end-1] [lindex [fconfigure $taken -sockname] 2] io-threads 4}
                close $taken
                assert_equal OK [r config set {*}$change]
                assert_equal OK [r config set io-threads 4]
            }
            for {set i 0} {$i < 10} {incr i} {
                assert_equal [serial_of server] [serial_at $port]
            }
            restart_server
        }
    }

    test "A change whose port is taken, and one that was prepared to come after it" {
        set taken [socket -server {apply {{channel args} {close $channel}}} -myaddr 127.0.0.1 0]
        set port [lindex [fconfigure $taken -sockname] 2]
        set good [free_port]
        assert_equal OK [r config set tls-ca-cert-file [certificate ca.crt] {*}[pair server] tls-port $good]
        set c [redis_deferring_client]
        assert_match [list "*Unable to listen on this port*" OK "*'tls-protocols'*Unable to update TLS configuration*" 1] [run_transaction $c [list \
            [list config set {*}[pair server2] tls-port $port] {config set timeout 3} {config set tls-protocols TLSv1.3} {incr n}]]
        assert_equal {tls-protocols {}} [r config get tls-protocols]
        assert_equal [list tls-port $good] [r config get tls-port]
        assert_equal [certificate server.crt] [lindex [r config get tls-cert-file] 1]
        assert_equal [serial_of server] [serial_at $good]
        assert_equal OK [r config set tls-protocols TLSv1.3 tls-port 0 timeout 0]
        close $taken
        $c close
    }
}
