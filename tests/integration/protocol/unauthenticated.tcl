# What a client may do before it has authenticated.

start_server {overrides {requirepass secret}} {
    proc unauthenticated {bytes} {
        set c [redis_client]
        $c write $bytes
        set got [$c raw]
        if {[string match "-ERR Protocol error*" $got] && ![$c eof]} { append got "(still open)" }
        $c close
        return $got
    }

    test "Commands are refused before AUTH" {
        assert_equal "-NOAUTH Authentication required.\r\n" [unauthenticated [resp::encode {get x}]]
        assert_equal "-NOAUTH Authentication required.\r\n" [unauthenticated [resp::encode {ping}]]
        assert_equal "-NOAUTH Authentication required.\r\n" [unauthenticated "PING\r\n"]
        assert_equal "-NOAUTH Authentication required.\r\n" [unauthenticated [resp::encode {config get *}]]
    }

    test "Unknown commands and wrong arity say so even before AUTH" {
        assert_match "-ERR unknown command 'nosuch'*" [unauthenticated [resp::encode {nosuch}]]
        assert_match "-ERR wrong number of arguments for 'get' command*" [unauthenticated [resp::encode {get}]]
    }

    test "AUTH, HELLO, QUIT and RESET are served before AUTH" {
        set c [redis_client]
        assert_match "NOAUTH HELLO must be called with the client already authenticated*" [
            catch {$c hello 3} message; set message]
        assert_equal RESET [$c reset]
        assert_equal OK [$c auth secret]
        assert_equal PONG [$c ping]
        assert_equal RESET [$c reset]
        assert_error "NOAUTH Authentication required." {$c ping}
        assert_equal OK [$c quit]
        $c close
    }

    test "Multibulk request of more than 10 arguments before AUTH" {
        assert_equal "-ERR Protocol error: unauthenticated multibulk length\r\n" [unauthenticated "*11\r\n"]
        assert_equal "-ERR Protocol error: unauthenticated multibulk length\r\n" [unauthenticated "*100\r\n"]
        assert_match "-NOAUTH*" [unauthenticated [resp::encode {mget 1 2 3 4 5 6 7 8 9}]]
    }

    test "Bulk of more than 16 KB before AUTH" {
        assert_equal "-ERR Protocol error: unauthenticated bulk length\r\n" \
            [unauthenticated "*1\r\n\$16385\r\n"]
        assert_equal "-ERR Protocol error: unauthenticated bulk length\r\n" \
            [unauthenticated "*2\r\n\$4\r\nPING\r\n\$100000000\r\n"]
        assert_match "-WRONGPASS*" [unauthenticated [resp::encode [list auth [string repeat x 16384]]]]
    }

    test "The limits are gone after AUTH, in the same pipeline" {
        set c [redis_deferring_client]
        set value [string repeat v 100000]
        $c write "[resp::encode {auth secret}][resp::encode [list set k $value]][resp::encode {mget 1 2 3 4 5 6 7 8 9 10 11 k}]"
        assert_equal OK [$c read]
        assert_equal OK [$c read]
        assert {[lindex [$c read] end] eq $value}
        $c close
    }

    test "A failing AUTH anywhere in a pipeline gets exactly one reply" {
        foreach position {0 1 5} {
            set c [redis_deferring_client]
            $c auth secret
            assert_equal OK [$c read]
            set bytes ""
            for {set i 0} {$i < 10} {incr i} {
                append bytes [resp::encode [expr {$i == $position ? {auth wrong} : [list echo $i]}]]
            }
            $c write $bytes
            for {set i 0} {$i < 10} {incr i} {
                if {$i == $position} {
                    assert_equal "-WRONGPASS invalid username-password pair or user is disabled.\r\n" [$c raw]
                } else {
                    assert_equal $i [$c read]
                }
            }
            $c close
        }
    }

    test "A failing HELLO AUTH anywhere in a pipeline gets exactly one reply" {
        set c [redis_deferring_client]
        $c auth secret
        assert_equal OK [$c read]
        $c write "[resp::encode {echo a}][resp::encode {hello 3 auth default wrong}][resp::encode {echo b}][resp::encode {hello 4}][resp::encode {echo c}]"
        assert_equal a [$c read]
        assert_equal "-WRONGPASS invalid username-password pair or user is disabled.\r\n" [$c raw]
        assert_equal b [$c read]
        assert_equal "-NOPROTO unsupported protocol version\r\n" [$c raw]
        assert_equal c [$c read]
        $c close
    }

    test "A failing AUTH among refused commands gets exactly one reply" {
        set c [redis_deferring_client]
        $c write "[resp::encode {ping}][resp::encode {auth wrong}][resp::encode {ping}][resp::encode {auth secret}][resp::encode {ping}]"
        assert_equal "-NOAUTH Authentication required.\r\n" [$c raw]
        assert_match "-WRONGPASS*" [$c raw]
        assert_equal "-NOAUTH Authentication required.\r\n" [$c raw]
        assert_equal "+OK\r\n" [$c raw]
        assert_equal "+PONG\r\n" [$c raw]
        $c close
    }

    test "A failing AUTH inside MULTI gets exactly one reply and one element" {
        set c [redis_deferring_client]
        $c auth secret
        assert_equal OK [$c read]
        $c write "[resp::encode {multi}][resp::encode {echo a}][resp::encode {auth wrong}][resp::encode {echo b}][resp::encode {exec}][resp::encode {echo c}]"
        assert_equal OK [$c read]
        set queued [list [$c raw] [$c raw] [$c raw]]
        set exec [$c raw]
        assert_equal c [$c read]
        $c close
        assert_equal "+QUEUED\r\n" [lindex $queued 0]
    } {command:multi}
}
