# What went wrong with TLS and I/O threads elsewhere, one test each, as far as no other file has it.
# docs/tls.md lists all of them, with the tests.

file_needs built_tls

set tls_only [list port 0 tls-port [free_port]]

proc thread_turns {} {
    set sum 0
    foreach {-> turns} [regexp -all -inline {,turns=(\d+)} [r info threads]] { incr sum $turns }
    return $sum
}

# Whether the I/O threads turn a few times only while nothing happens. One that spins never rests.
proc threads_rest {} {
    set before [thread_turns]
    resp::pause_ms 300
    return [expr {[thread_turns] - $before < 500}]
}

foreach threads {1 3} {
    start_server [list overrides [concat $tls_only [list io-threads $threads io-threads-elastic no enable-debug-command yes]] tags sluice] {
        test "Plaintext that waits inside TLS while main is busy makes no thread spin (io-threads $threads)" {
            set c [redis_deferring_client]
            set big [string repeat v 9000]
            $c ping
            $c read
            r client pause 600 all
            for {set i 0} {$i < 100} {incr i} { catch {$c write_some [resp::encode [list set k $big]]} }
            resp::pause_ms 100
            $c flush
            r client unpause
            for {set i 0} {$i < 100} {incr i} { assert_equal OK [$c read] }
            r client pause 400 all
            for {set i 0} {$i < 100} {incr i} { catch {$c write_some [resp::encode [list set k $big]]} }
            resp::pause_ms 300
            assert_equal OK [$c read]
            for {set i 1} {$i < 100} {incr i} { assert_equal OK [$c read] }
            wait_until 1 10 threads_rest
            $c close
        }

        test "A paused or blocked client's plaintext inside TLS does not defeat backpressure (io-threads $threads)" {
            set c [redis_deferring_client]
            $c ping
            $c read
            set used [s used_memory]
            r client pause 60000 write
            $c set paused 1
            set part [string repeat [resp::encode {ping}] 5000]
            for {set i 0} {$i < 300} {incr i} {
                if {[chan pending output [$c channel]] > 2000000} { break }
                catch {$c write_some $part}
            }
            assert {[s used_memory] - $used < 8000000} [expr {[s used_memory] - $used}]
            $c close
            r client unpause
        }

        test "A reader that stops in the middle of a record keeps no thread busy (io-threads $threads)" {
            r set big [string repeat b 3000000]
            set c [redis_deferring_client]
            for {set i 0} {$i < 10} {incr i} { catch {$c write_some [resp::encode {get big}]} }
            wait_until 1 10 threads_rest
            assert_equal PONG [r ping]
            for {set i 0} {$i < 10} {incr i} { assert_equal 3000000 [string length [$c read]] }
            $c close
            r del big
        }

        test "Writes of nothing are made by nobody: empty values, muted replies (io-threads $threads)" {
            set c [redis_deferring_client]
            $c write [resp::encode {client reply off}][resp::encode {ping}][resp::encode {client reply on}]
            assert_equal OK [$c read]
            $c write [resp::encode {set empty ""}][resp::encode {get empty}]
            assert_equal OK [$c read]
            assert_equal "" [$c read]
            $c write "\r\n\r\n[resp::encode {echo end}]"
            assert_equal end [$c read]
            $c close
        }

        test "An error of one connection is not another's, on the same thread (io-threads $threads)" {
            set c [redis_client]
            foreach cert {stranger expired future "" stranger} {
                catch { set x [redis_client -tls 1 -cert $cert -timeout 3000]; $x ping; $x close }
                assert_equal PONG [$c ping]
                set fresh [redis_client]
                assert_equal PONG [$fresh ping]
                $fresh close
            }
            $c close
        }

        test "No line of the log says (null) or error 0 (io-threads $threads)" {
            set mark [log_size]
            foreach cert {stranger expired ""} {
                catch { set x [redis_client -tls 1 -cert $cert -timeout 3000]; $x ping; $x close }
            }
            s_client [srv tls_port] -input "Q\n"
            set c [resp::connect -port [srv tls_port]]
            $c close
            assert_equal PONG [r ping]
            foreach text {(null) error:00000000 "Success" "no error"} {
                assert_equal {} [log_lines_after $mark "*$text*"] $text
            }
        }

        test "Waiting and subscribed clients stay with their thread (io-threads $threads)" {
            set c [redis_deferring_client]
            $c client setname waits
            $c read
            r client pause 60000 write
            $c set k v
            wait_until 1 10 {s blocked_clients}
            foreach line [split [r client list] \n] {
                if {![string match "*name=waits*" $line]} { continue }
                regexp {io-thread=(\d+)} $line -> thread
                assert {$threads == 1 ? $thread == 0 : $thread > 0}
            }
            r client unpause
            assert_equal OK [$c read]
            $c close
        }

        test "CLIENT LIST, KILL and INFO wait for no thread (io-threads $threads)" {
            # The I/O threads are busy with values of megabytes; main asks none of them.
            r set big [string repeat b 4000000]
            set readers {}
            for {set i 0} {$i < 4} {incr i} {
                set c [redis_deferring_client]
                for {set j 0} {$j < 3} {incr j} { catch {$c write_some [resp::encode {get big}]} }
                lappend readers $c
            }
            for {set i 0} {$i < 20} {incr i} {
                r client list
                r info clients
                r client kill id 999999
            }
            foreach c $readers { $c close }
            r del big
        }

        test "maxclients is answered after the handshake (io-threads $threads)" {
            wait_until 1 10 {s connected_clients}
            r config set maxclients 1
            assert_match "*-ERR max number of clients reached*" [
                s_client [srv tls_port] -input "" -until "*-ERR max number of clients reached*"]
            r config set maxclients 10000
        }
    }
}

start_server [list overrides [concat $tls_only {tls-auth-clients optional}] tags sluice] {
    test "valkey#4577: a name with a NUL inside is nobody's" {
        set c [redis_client -tls 1 -cert nul]
        assert_match "*tls=TLSv1*cert=*" [$c client info]
        assert_no_match "*cert=alice*" [$c client info]
        $c close
    }

    test "redis#7437: a certificate of a stranger does not hurt with tls-auth-clients no" {
        r config set tls-auth-clients no
        foreach cert {stranger expired client ""} {
            set c [redis_client -tls 1 -cert $cert]
            assert_equal PONG [$c ping]
            assert_no_match "*cert=stranger*" [$c client info]
            $c close
        }
        r config set tls-auth-clients optional
    }

    test "Certificates of clients leave no memory behind" {
        for {set i 0} {$i < 30} {incr i} { set c [redis_client -tls 1 -cert alice]; $c client info; $c close }
        wait_until 1 10 {s connected_clients}
        set before [s tls_memory]
        for {set i 0} {$i < 200} {incr i} { set c [redis_client -tls 1 -cert alice]; $c client info; $c close }
        wait_until 1 10 {s connected_clients}
        wait_until 1 10 {expr {[s tls_memory] - $before < 100000}}
    }

    test "max-new-tls-connections-per-cycle can be changed, and all get in" {
        r config set max-new-tls-connections-per-cycle 1
        set clients {}
        for {set i 0} {$i < 30} {incr i} { lappend clients [redis_deferring_client] }
        foreach c $clients { $c ping }
        foreach c $clients { assert_equal PONG [$c read]; $c close }
        r config set max-new-tls-connections-per-cycle 64
    }
}
