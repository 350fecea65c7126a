# BZPOPMIN, BZPOPMAX, BZMPOP.

proc blocked_client {args} {
    set before [s blocked_clients]
    set c [redis_deferring_client]
    $c {*}$args
    $c flush
    wait_until [expr {$before + 1}] 10 {s blocked_clients}
    return $c
}

start_server {} {
    test "Nothing blocks when there is something" {
        r zadd z 1 a 2 b 3 c 4 d
        r zadd z2 5 e
        assert_equal {z a 1} [r bzpopmin z 0]
        assert_equal {z d 4} [r bzpopmax z 0]
        assert_equal {z b 2} [r bzpopmin none z z2 1]
        assert_equal {z2 {{e 5}}} [r bzmpop 0 2 none z2 min count 3]
        assert_equal {z {{c 3}}} [r bzmpop 0 1 z max]
        assert_equal 0 [r dbsize]
    }

    test "Replies in RESP2 and RESP3" {
        foreach {protocol one several timeout} {
            2 "*3\r\n\$1\r\nz\r\n\$1\r\na\r\n\$3\r\n1.5\r\n"
            "*2\r\n\$1\r\nz\r\n*2\r\n*2\r\n\$1\r\nb\r\n\$1\r\n2\r\n*2\r\n\$1\r\nc\r\n\$1\r\n3\r\n"
            "*-1\r\n"
            3 "*3\r\n\$1\r\nz\r\n\$1\r\na\r\n,1.5\r\n"
            "*2\r\n\$1\r\nz\r\n*2\r\n*2\r\n\$1\r\nb\r\n,2\r\n*2\r\n\$1\r\nc\r\n,3\r\n"
            "_\r\n"
        } {
            set c [redis_client]
            $c hello $protocol
            # At once, and after waiting.
            r zadd z 1.5 a 2 b 3 c
            $c send bzpopmin z 0
            assert_equal $one [$c raw]
            $c send bzmpop 0 1 z min count 2
            assert_equal $several [$c raw]
            foreach {command prepare expected} [list \
                {bzpopmin z 0} {r zadd z 1.5 a} $one {bzmpop 0 1 z min count 2} {r zadd z 2 b 3 c} $several] {
                $c send {*}$command
                $c flush
                wait_until 1 5 {s blocked_clients}
                eval $prepare
                assert_equal $expected [$c raw]
            }
            $c send bzpopmax z 0.01
            assert_equal $timeout [$c raw]
            $c send bzmpop 0.01 1 z min
            assert_equal $timeout [$c raw]
            $c close
        }
    }

    test "BZPOPMIN, BZPOPMAX and BZMPOP wait for a member" {
        foreach {command expected} {
            {bzpopmin z1 z2 0} {z2 a 1} {bzpopmax z1 z2 0} {z2 c 3}
            {bzmpop 0 2 z1 z2 min} {z2 {{a 1}}} {bzmpop 0 2 z1 z2 max count 5} {z2 {{c 3} {b 2} {a 1}}}
        } {
            r del z2
            set c [blocked_client {*}$command]
            r zadd z2 1 a 2 b 3 c
            assert_equal $expected [$c read]
            $c close
        }
        r flushall
    }

    test "The first to block is served first, an element each" {
        set clients {}
        foreach command {{bzpopmin z 0} {bzpopmax z 0} {bzmpop 0 1 z min count 2} {bzpopmin z 0}} {
            lappend clients [blocked_client {*}$command]
        }
        r zadd z 1 a 2 b 3 c 4 d
        assert_equal {z a 1} [[lindex $clients 0] read]
        assert_equal {z d 4} [[lindex $clients 1] read]
        assert_equal {z {{b 2} {c 3}}} [[lindex $clients 2] read]
        assert_equal 1 [s blocked_clients]
        r zincrby z 7 e
        assert_equal {z e 7} [[lindex $clients 3] read]
        foreach c $clients { $c close }
    }

    test "A transaction is isolated from those that wait" {
        set c [blocked_client bzpopmin z 0]
        r multi
        r zadd z 0 a
        r zadd z 1 b
        r del z
        r exec
        assert_equal 1 [s blocked_clients]
        r multi
        r zadd z 2 c
        r zadd z 1 d
        r exec
        assert_equal {z d 1} [$c read]
        r del z
        $c close
    }

    foreach {name prepare script} {
        ZADD {} {r zadd z 1 a}
        ZADD-INCR {} {r zadd z incr 1 a}
        ZINCRBY {} {r zincrby z 1 a}
        RENAME {r zadd other 1 a} {r rename other z}
        COPY {r zadd other 1 a} {r copy other z}
        MOVE {r select 1; r zadd z 1 a; r select 0} {r select 1; r move z 0; r select 0}
        SWAPDB {r select 1; r zadd z 1 a; r select 0} {r swapdb 0 1}
        ZUNIONSTORE {r zadd other 1 a} {r zunionstore z 1 other}
        ZINTERSTORE {r zadd other 1 a} {r zinterstore z 1 other}
        ZDIFFSTORE {r zadd other 1 a} {r zdiffstore z 1 other}
        ZRANGESTORE {r zadd other 1 a} {r zrangestore z other 0 -1}
        RESTORE {r zadd other 1 a; set dump [r dump other]; r del other} {r restore z 0 $dump}
        GEOADD {} {r geoadd z 0 0 a; r zadd z 1 a}
    } {
        test "Woken by $name" {
            r flushall
            eval $prepare
            set c [blocked_client bzpopmin z 0]
            if {$name eq "GEOADD"} { set script "r multi; $script; r exec" }
            eval $script
            assert_equal {z a 1} [$c read]
            $c close
            wait_until 0 5 {s blocked_clients}
        } [expr {$name eq "GEOADD" ? "command:geoadd" : ""}]
    }

    test "Another type does not wake, and those of lists are not woken" {
        r flushall
        set zset [blocked_client bzpopmin k 0]
        set list [blocked_client blpop k 0]
        r set k text
        r del k
        r rpush k a
        assert_equal {k a} [$list read]
        assert_equal 1 [s blocked_clients]
        r zadd k 1 a
        assert_equal {k a 1} [$zset read]
        $zset close
        $list close
    }

    test "A list is behind a sorted set in the queue of the same key" {
        set zset [blocked_client bzpopmin k 0]
        set list1 [blocked_client blpop k 0]
        set list2 [blocked_client blpop k 0]
        r rpush k a b
        assert_equal {{k a} {k b}} [list [$list1 read] [$list2 read]]
        r zadd k 1 z
        assert_equal {k z 1} [$zset read]
        foreach c [list $zset $list1 $list2] { $c close }
    }

    test "Wrong types and arguments" {
        r flushall
        r set s text
        assert_error "WRONGTYPE *" {r bzpopmin s 0}
        assert_error "WRONGTYPE *" {r bzpopmax none s 0}
        assert_error "WRONGTYPE *" {r bzmpop 0 1 s min}
        assert_error "ERR timeout is not a float or out of range" {r bzpopmin z abc}
        assert_error "ERR timeout is negative" {r bzpopmax z -1}
        assert_error "ERR numkeys should be greater than 0" {r bzmpop 1 0 z min}
        assert_error "ERR syntax error" {r bzmpop 1 2 z min}
        assert_error "ERR syntax error" {r bzmpop 1 1 z left}
        assert_error "ERR syntax error" {r bzmpop 1 1 z min count 1 count 2}
        assert_error "ERR count should be greater than 0" {r bzmpop 1 1 z min count 0}
        assert_error "ERR wrong number of arguments*" {r bzmpop 1 1 z}
        assert_error "ERR wrong number of arguments*" {r bzpopmin z}
    }

    test "Keyspace events of what a blocked client takes" {
        r flushall
        r config set notify-keyspace-events KEA
        set listener [redis_deferring_client]
        $listener psubscribe __keyevent@0__:*
        $listener read
        set c [blocked_client bzpopmin z 0]
        r zadd z 1 a
        assert_equal {z a 1} [$c read]
        set events {}
        while {[llength $events] < 3} {
            set event [string range [lindex [$listener read] 2] 15 end]
            if {$event ne "new"} { lappend events $event }
        }
        assert_equal {zadd zpopmin del} $events
        r config set notify-keyspace-events ""
        $listener close
        $c close
    } command:psubscribe

    test "redis#15594, valkey#4212: clients freed while a list of those that wait is walked" {
        r flushall
        set clients {}
        set ids {}
        for {set i 0} {$i < 20} {incr i} {
            set c [redis_deferring_client]
            $c client id
            lappend ids [$c read]
            $c bzmpop 0 2 z other$i min
            $c flush
            wait_until [expr {$i + 1}] 10 {s blocked_clients}
            lappend clients $c
        }
        r multi
        foreach {kill keep} $ids { r client kill id $kill }
        for {set i 0} {$i < 20} {incr i} { r zadd z $i m$i }
        r exec
        set expected 0
        foreach {killed kept} $clients {
            assert_equal 1 [$killed eof]
            assert_equal [list z [list [list m$expected $expected]]] [$kept read]
            incr expected
        }
        assert_equal 10 [r zcard z]
        foreach c $clients { $c close }
        wait_until 0 5 {s blocked_clients}
        assert_equal 0 [s total_blocking_keys]
    } redis8
}
