# Large values, pipelines, slow readers, many connections, KeyUpdate, renegotiation, closing.

file_needs built_tls

set tls_only [list port 0 tls-port [free_port]]

start_server [list overrides $tls_only] {
    test "A value of 64 MB goes in and comes out" {
        set block ""
        for {set i 0} {$i < 4096} {incr i} { append block [format %015x\n $i] }
        set value [string repeat $block 1024]
        assert_equal [expr {64 * 1024 * 1024}] [string length $value]
        assert_equal OK [r set huge $value]
        assert_equal [string length $value] [r strlen huge]
        assert {[r get huge] eq $value}
        assert_equal [string range $value 1000000 1000999] [r getrange huge 1000000 1000999]
        r del huge
    }

    test "Values around the size of a record" {
        foreach size {16319 16320 16321 16383 16384 16385 16388 32767 32768 32769 49152 65535 65536 65537} {
            set value [string repeat [format %c [expr {65 + $size % 26}]] $size]
            assert_equal OK [r set edge $value]
            assert {[r get edge] eq $value} $size
        }
    }

    test "A deep pipeline over TLS" {
        set c [redis_deferring_client]
        set bytes ""
        for {set i 0} {$i < 20000} {incr i} { append bytes [resp::encode [list echo $i]] }
        $c write $bytes
        for {set i 0} {$i < 20000} {incr i} { if {[$c read] ne $i} { fail "reply $i" } }
        $c close
    }

    test "Three hundred connections at once" {
        set clients {}
        for {set i 0} {$i < 300} {incr i} { lappend clients [redis_deferring_client] }
        foreach c $clients { $c incr counter; $c echo [string repeat e 2000] }
        foreach c $clients { $c read; assert_equal 2000 [string length [$c read]] }
        assert_equal 300 [r get counter]
        foreach c $clients { $c close }
        wait_until 1 10 {s connected_clients}
    }

    test "Connections leave no descriptors and no memory behind" {
        set before [descriptor_count [srv pid]]
        for {set i 0} {$i < 20} {incr i} { set c [redis_client]; $c ping; $c close }
        wait_until 1 10 {s connected_clients}
        set used [s used_memory]
        for {set i 0} {$i < 300} {incr i} {
            set c [redis_client]
            $c ping
            $c close
        }
        wait_until 1 10 {s connected_clients}
        wait_until 1 10 {expr {[descriptor_count [srv pid]] <= $before + 2}}
        wait_until 1 10 {expr {[s used_memory] - $used < 2000000}}
    }

    test "KeyUpdate goes on with the session" {
        set output [s_client [srv tls_port] -input "K\n" -then {*KEYUPDATE* "PING\r\n"} -until *+PONG* -tls1_3 ""]
        assert_match "*KEYUPDATE*" $output
        assert_match "*+PONG*" $output
    }

    test "Renegotiation is refused" {
        set output [s_client [srv tls_port] -input "R\n" -tls1_2 "" -until "*no renegotiation*"]
        assert_match "*RENEGOTIATING*" $output
        assert_match "*no renegotiation*" $output
        assert_equal PONG [r ping]
    } {sluice}

    test "QUIT is followed by a close_notify" {
        foreach version {-tls1_2 -tls1_3} {
            set output [s_client [srv tls_port] -input "QUIT\r\n" -msg "" $version "" -until "*<<< *Alert*close_notify*"]
            assert_match "*<<< *Alert*close_notify*" $output $version
        }
    }

    test "A client's close_notify ends the connection" {
        set output [s_client [srv tls_port] -input "Q\n" -msg ""]
        assert_match "*>>> *Alert*close_notify*" $output
        wait_until 1 10 {s connected_clients}
    }

    test "A client that never reads is cut off by its output limit, others are served" {
        r config set client-output-buffer-limit "normal 5mb 0 0"
        r set big [string repeat b 1000000]
        set c [redis_deferring_client]
        $c client setname deaf
        $c read
        for {set i 0} {$i < 100} {incr i} { catch {$c write_some [resp::encode {get big}]} }
        wait_until 0 15 { string match *name=deaf* [r client list] }
        assert_equal PONG [r ping]
        $c close
        wait_for_log 0 "*overcoming of output buffer limits*"
        r config set client-output-buffer-limit "normal 0 0 0"
    }

    test "A client that reads slowly gets all of it" {
        set c [redis_deferring_client]
        $c client setname slow
        assert_equal OK [$c read]
        for {set i 0} {$i < 30} {incr i} { $c write_some [resp::encode {get big}] }
        wait_until 1 10 {regexp {name=slow[^\n]* omem=[1-9]} [r client list]}
        for {set i 0} {$i < 30} {incr i} {
            assert_equal 1000000 [string length [$c read]]
            if {$i % 10 == 0} { resp::pause_ms 30 }
        }
        $c close
    }

    test "CVE-2026-81934, CVE-2026-56684: CLIENT KILL of clients whose data is still inside TLS" {
        # A list of sessions with buffered data was walked while a command freed one of them.
        for {set round 0} {$round < 15} {incr round} {
            set clients {}
            for {set i 0} {$i < 20} {incr i} {
                set c [redis_deferring_client]
                lappend clients $c
            }
            foreach c $clients {
                # More than one quantum in one go, so that plaintext stays behind.
                catch {$c write_some [string repeat [resp::encode [list set k [string repeat v 1000]]] 100]}
                catch {$c write_some [resp::encode {client kill type normal skipme yes}]}
                catch {$c write_some [string repeat [resp::encode {get k}] 100]}
            }
            foreach c $clients { $c close }
            catch {reconnect}
        }
        # Kills that were under way when their senders left may still hit a new connection.
        wait_until 1 10 {
            catch {reconnect; s connected_clients} count
            set count
        }
        assert_equal PONG [r ping]
    }
}
