# AUTH and requirepass.

start_server {} {
    test "AUTH without a password set" {
        assert_error "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?" {
            r auth foo
        }
        assert_error "ERR wrong number of arguments for 'auth' command" {r auth}
        assert_error "ERR syntax error" {r auth a b c}
    }

    test "AUTH as the default user needs no password when it has none" {
        assert_equal OK [r auth default whatever]
        assert_error "WRONGPASS invalid username-password pair or user is disabled." {r auth nosuchuser x}
    }

    test "CONFIG SET requirepass takes effect for new connections" {
        r config set requirepass foobar
        assert_equal PONG [r ping]
        set c [redis_client]
        assert_error "NOAUTH Authentication required." {$c ping}
        assert_equal OK [$c auth foobar]
        assert_equal PONG [$c ping]
        $c close
        r config set requirepass ""
        set c [redis_client]
        assert_equal PONG [$c ping]
        $c close
    }
}

start_server {overrides {requirepass foobar}} {
    test "AUTH with a wrong password" {
        set c [redis_client]
        assert_error "WRONGPASS invalid username-password pair or user is disabled." {$c auth wrong}
        assert_error "WRONGPASS *" {$c auth ""}
        assert_error "WRONGPASS *" {$c auth foobar2}
        assert_error "WRONGPASS *" {$c auth fooba}
        assert_error "NOAUTH Authentication required." {$c set foo bar}
        $c close
    }

    test "AUTH with the password" {
        set c [redis_client]
        assert_equal OK [$c auth foobar]
        assert_equal 100 [$c set foo 100; $c incr foo; $c decr foo]
        assert_equal OK [$c auth default foobar]
        $c close
    }

    test "An authenticated client stays so after a failing AUTH" {
        set c [redis_client]
        $c auth foobar
        catch {$c auth wrong}
        assert_equal PONG [$c ping]
        $c close
    }

    test "A password that is taken away, and set again" {
        set c [redis_client]
        $c auth foobar
        foreach name {a b d} { set $name [redis_client] }
        assert_error "NOAUTH*" {$a ping}
        assert_equal OK [$c config set requirepass ""]
        # Whoever waited for it may go on, without the limits of strangers: its thread was told before
        # the next reply.
        assert_equal PONG [$a ping]
        assert_equal [string repeat x 20000] [$a echo [string repeat x 20000]]
        assert_equal 0 [$a exists 1 2 3 4 5 6 7 8 9 10 11]
        assert_equal RESET [$b reset]
        assert_equal OK [$d auth default any]
        assert_equal OK [$c config set requirepass foobar]
        foreach waiting [list $a [redis_client]] {
            assert_error "NOAUTH*" {$waiting ping}
            assert_error "*Protocol error: unauthenticated multibulk length*" {$waiting exists 1 2 3 4 5 6 7 8 9 10 11}
            $waiting close
        }
        # These had shown who they are while anybody was.
        foreach known [list $b $d] {
            assert_equal PONG [$known ping]
            assert_equal RESET [$known reset]
            assert_error "NOAUTH*" {$known ping}
            $known close
        }
        $c close
    }

    test "Binary and long passwords" {
        set password "p\x00\x01\r\n\xff[string repeat x 400]"
        r config set requirepass $password
        set c [redis_client]
        assert_error "WRONGPASS *" {$c auth "p"}
        assert_error "WRONGPASS *" {$c auth "p\x00"}
        assert_equal [list requirepass $password] [r config get requirepass]
        assert_equal OK [$c auth $password]
        $c close
        r config set requirepass foobar
    }

    test "Failures are counted" {
        set before [s acl_access_denied_auth]
        set c [redis_client]
        catch {$c auth wrong}
        $c close
        assert_equal [expr {$before + 1}] [s acl_access_denied_auth]
    } {redis8}
}
