# client-query-buffer-limit, and memory of query buffers as CLIENT LIST shows it.

start_server {} {
    test "client-query-buffer-limit has a floor of 1 MB" {
        r config set client-query-buffer-limit 1048576
        assert_error "*CONFIG SET failed*argument must be between 1048576 and*" {
            r config set client-query-buffer-limit 1048575
        }
        assert_equal {client-query-buffer-limit 1048576} [r config get client-query-buffer-limit]
    }

    test "A request larger than client-query-buffer-limit closes the client" {
        r config set client-query-buffer-limit 1mb
        set mark [log_size]
        set c [redis_client]
        catch {$c write "*2\r\n\$4\r\nECHO\r\n\$4000000\r\n[string repeat x 3500000]"}
        assert_equal 1 [$c eof]
        $c close
        wait_for_log $mark "*Closing client that reached max query buffer length*"
    }

    test "The limit is counted in INFO stats" {
        assert {[s client_query_buffer_limit_disconnections] >= 1}
    } {redis8}

    test "Others are served while one client reaches the limit" {
        assert_equal PONG [r ping]
    }

    test "A pipeline longer than the limit made of small requests is served" {
        r config set client-query-buffer-limit 1mb
        set c [redis_deferring_client]
        set value [string repeat v 1000]
        set bytes ""
        for {set i 0} {$i < 3000} {incr i} { append bytes [resp::encode [list set q:$i $value]] }
        $c write $bytes
        for {set i 0} {$i < 3000} {incr i} { assert_equal OK [$c read] }
        $c close
    } {sluice}

    test "CLIENT LIST shows bytes of a request that is not complete" {
        r config set client-query-buffer-limit 1gb
        set c [redis_client]
        $c client setname partial
        $c write "*2\r\n\$4\r\nECHO\r\n\$1000\r\nabcdef"
        wait_until 1 5 {
            set line [lsearch -inline [split [r client list] \n] *name=partial*]
            expr {[regexp {qbuf=(\d+)} $line -> size] && $size > 0}
        }
        $c write "[string repeat x 994]\r\n"
        assert_equal 1000 [string length [$c read]]
        # Large arguments have memory of their own: what came of it counts, the rest is free.
        $c write "*2\r\n\$4\r\nECHO\r\n\$100000\r\n[string repeat x 50000]"
        set line ""
        wait_until 1 5 {
            set line [lsearch -inline [split [r client list] \n] *name=partial*]
            expr {[regexp {qbuf=(\d+) qbuf-free=(\d+)} $line -> size free] && $size >= 50000 && $size < 51000 &&
                $free >= 49000}
        }
        $c write "[string repeat x 50000]\r\n"
        assert_equal 100000 [string length [$c read]]
        $c close
    }
}
