# HELLO: versions, AUTH, SETNAME, the reply's fields.

start_server {} {
    test "HELLO without arguments tells about the server in RESP2" {
        set c [redis_client]
        $c write [resp::encode hello]
        set raw [$c raw]
        assert_match "\\*14\r\n\$6\r\nserver\r\n*" $raw
        assert_match "*\$5\r\nproto\r\n:2\r\n\$2\r\nid\r\n:*" $raw
        $c close
    }

    test "HELLO 3 answers a map" {
        set c [redis_client]
        $c write [resp::encode {hello 3}]
        set raw [$c raw]
        assert_match "%7\r\n\$6\r\nserver\r\n\$5\r\nredis\r\n\$7\r\nversion\r\n*" $raw
        assert_match "*\$5\r\nproto\r\n:3\r\n*\$4\r\nmode\r\n\$10\r\nstandalone\r\n\$4\r\nrole\r\n\$6\r\nmaster\r\n\$7\r\nmodules\r\n\\*0\r\n" $raw
        $c close
    }

    test "HELLO's id is CLIENT ID's" {
        set c [redis_client]
        set reply [$c hello 3]
        assert_equal [$c client id] [dict get $reply id]
        $c close
    }

    test "HELLO 2 goes back to RESP2" {
        set c [redis_client]
        $c hello 3
        $c hello 2
        $c write [resp::encode {get nosuchkey}]
        assert_equal "\$-1\r\n" [$c raw]
        assert_match "*resp=2*" [$c client info]
        $c close
    }

    test "HELLO without a version keeps the protocol" {
        set c [redis_client]
        $c hello 3
        assert_equal 3 [dict get [$c hello] proto]
        $c close
    }

    test "HELLO refuses other versions" {
        set c [redis_client]
        foreach version {1 4 0 -2 99} {
            assert_error "NOPROTO unsupported protocol version" [list $c hello $version]
        }
        foreach version {x 3x ""} {
            assert_error "ERR Protocol version is not an integer or out of range" [list $c hello $version]
        }
        assert_equal 2 [dict get [$c hello] proto]
        $c close
    }

    test "HELLO SETNAME names the connection" {
        set c [redis_client]
        $c hello 3 setname worker-1
        assert_equal worker-1 [$c client getname]
        assert_error "ERR Client names cannot contain spaces, newlines or special characters." {
            $c hello 3 setname "a b"
        }
        $c close
    }

    test "HELLO with a wrong option is a syntax error" {
        assert_error "ERR Syntax error in HELLO option 'nosuch'" {r hello 3 nosuch}
        assert_error "ERR Syntax error in HELLO option 'auth'" {r hello 3 auth x}
        set long [string repeat x 5000]
        assert_error "ERR Syntax error in HELLO option '$long'" {r hello 3 $long}
        assert_error "ERR Syntax error in HELLO option 'setname'" {r hello 3 setname}
    }

    test "HELLO AUTH with the default user that has no password" {
        set c [redis_client]
        assert_equal 3 [dict get [$c hello 3 auth default anything] proto]
        assert_error "WRONGPASS *" {$c hello 3 auth nosuchuser x}
        $c close
    }
}

start_server {overrides {requirepass secret}} {
    test "HELLO AUTH authenticates, names and switches at once" {
        set c [redis_client]
        set reply [$c hello 3 auth default secret setname n1]
        assert_equal 3 [dict get $reply proto]
        assert_equal n1 [$c client getname]
        $c close
    }

    test "A failing HELLO AUTH changes nothing" {
        set c [redis_client]
        assert_error "WRONGPASS invalid username-password pair or user is disabled." {
            $c hello 3 auth default wrong setname n1
        }
        $c auth secret
        $c write [resp::encode {get nosuch}]
        assert_equal "\$-1\r\n" [$c raw]
        assert_equal "" [$c client getname]
        $c close
    }

    test "HELLO without AUTH needs authentication" {
        set c [redis_client]
        assert_error "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO *AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time" {
            $c hello 3
        }
        $c close
    }
}
