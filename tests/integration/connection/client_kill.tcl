# CLIENT KILL, old form and filters.

# Waits until the connection was closed by the server.
proc is_closed {c} {
    return [$c eof]
}

proc address_of {c} {
    regexp {addr=(\S+)} [$c client info] -> address
    return $address
}

start_server {} {
    test "CLIENT KILL of an address" {
        set c [redis_client]
        assert_equal OK [r client kill [address_of $c]]
        assert_equal 1 [is_closed $c]
        $c close
        assert_error "ERR No such client" {r client kill 000.123.321.567:0000}
        assert_error "ERR No such client" {r client kill 127.0.0.1:}
    }

    test "CLIENT KILL ID" {
        set c [redis_client]
        set other [redis_client]
        assert_equal 1 [r client kill id [$c client id]]
        assert_equal 1 [is_closed $c]
        assert_equal PONG [$other ping]
        assert_equal 0 [r client kill id 999999999]
        $c close
        $other close
    }

    test "CLIENT KILL ADDR and LADDR" {
        set c [redis_client]
        assert_equal 1 [r client kill addr [address_of $c]]
        assert_equal 1 [is_closed $c]
        $c close
        set c [redis_client]
        regexp {laddr=(\S+)} [$c client info] -> laddr
        assert_equal 1 [r client kill laddr $laddr skipme yes]
        assert_equal 1 [is_closed $c]
        $c close
    }

    test "CLIENT KILL TYPE normal spares the caller" {
        set clients [list [redis_client] [redis_client] [redis_client]]
        assert_equal 3 [r client kill type normal]
        foreach c $clients { assert_equal 1 [is_closed $c]; $c close }
        assert_equal PONG [r ping]
        assert_error "ERR Unknown client type 'nosuch'" {r client kill type nosuch}
    }

    test "CLIENT KILL USER" {
        set c [redis_client]
        assert_equal 1 [r client kill user default]
        assert_equal 1 [is_closed $c]
        $c close
        assert_error "ERR No such user 'nosuch'" {r client kill user nosuch}
    }

    test "CLIENT KILL with filters that must all match" {
        set a [redis_client]
        set b [redis_client]
        assert_equal 0 [r client kill id [$a client id] addr [address_of $b]]
        assert_equal 1 [r client kill id [$a client id] addr [address_of $a] type normal user default]
        assert_equal 1 [is_closed $a]
        assert_equal PONG [$b ping]
        $a close
        $b close
    }

    test "CLIENT KILL MAXAGE" {
        set c [redis_client]
        assert_equal 0 [r client kill maxage 100000]
        assert_equal PONG [$c ping]
        assert_error "ERR maxage is not an integer or out of range" {r client kill maxage abc}
        assert_error "ERR maxage should be greater than 0" {r client kill maxage -1}
        $c close
    } {redis8}

    test "CLIENT KILL SKIPME no may kill the caller, after its reply" {
        set c [redis_client]
        set id [$c client id]
        assert_equal 1 [$c client kill id $id skipme no]
        assert_equal 1 [is_closed $c]
        $c close
        set c [redis_client]
        assert_equal OK [$c client kill [address_of $c]]
        assert_equal 1 [is_closed $c]
        $c close
    }

    test "CLIENT KILL with wrong words" {
        assert_error "ERR No such client" {r client kill id}
        assert_error "ERR syntax error" {r client kill nosuch 1}
        assert_error "ERR client-id should be greater than 0" {r client kill id 0}
        assert_error "ERR client-id should be greater than 0" {r client kill id abc}
        assert_error "ERR syntax error" {r client kill id 1 skipme wrong}
    }

    test "What a killed client had sent before is served, what follows is not" {
        set c [redis_deferring_client]
        $c client id
        set id [$c read]
        $c write "[resp::encode {set before 1}][resp::encode [list client kill id $id skipme no]][resp::encode {set after 1}]"
        assert_equal OK [$c read]
        assert_equal 1 [$c read]
        assert_equal 1 [is_closed $c]
        assert_equal {1 0} [list [r exists before] [r exists after]]
        $c close
    }

    test "A hundred clients with commands in flight are killed" {
        set clients {}
        for {set i 0} {$i < 100} {incr i} {
            set c [redis_deferring_client]
            for {set j 0} {$j < 20} {incr j} { $c echo [string repeat x 1000] }
            lappend clients $c
        }
        # A connect returns when the kernel has the connection; the server may not have accepted it yet.
        wait_until 101 10 {s connected_clients}
        assert {[r client kill type normal] == 100}
        wait_until 1 10 {s connected_clients}
        foreach c $clients { $c close }
        assert_equal PONG [r ping]
    }

    test "Connections come and go without leaving descriptors" {
        set before [descriptor_count [srv pid]]
        for {set i 0} {$i < 100} {incr i} {
            set c [redis_client]
            $c ping
            $c close
        }
        wait_until 1 10 {s connected_clients}
        wait_until 1 10 {expr {[descriptor_count [srv pid]] <= $before + 2}}
    }
}
