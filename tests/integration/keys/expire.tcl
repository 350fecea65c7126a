# EXPIRE and its family, passive and active expiry.

start_server {} {
    test "EXPIRE, PEXPIRE, TTL, PTTL" {
        r set x foo
        assert_equal {-1 -1} [list [r ttl x] [r pttl x]]
        assert_equal {-2 -2} [list [r ttl nosuch] [r pttl nosuch]]
        assert_equal 1 [r expire x 100]
        assert_range [r ttl x] 95 100
        assert_equal 1 [r pexpire x 50000]
        assert_range [r pttl x] 45000 50000
        assert_equal 0 [r expire nosuch 10]
    }

    test "EXPIREAT, PEXPIREAT, EXPIRETIME, PEXPIRETIME" {
        r set x foo
        assert_equal {-1 -1} [list [r expiretime x] [r pexpiretime x]]
        assert_equal {-2 -2} [list [r expiretime nosuch] [r pexpiretime nosuch]]
        set then [expr {[clock seconds] + 1000}]
        assert_equal 1 [r expireat x $then]
        assert_equal $then [r expiretime x]
        assert_equal ${then}000 [r pexpiretime x]
        assert_equal 1 [r pexpireat x ${then}789]
        assert_equal ${then}789 [r pexpiretime x]
    }

    test "TTL rounds, EXPIRETIME rounds" {
        r set x 1 px 1600
        assert_range [r ttl x] 1 2
        set then [expr {([clock seconds] + 100) * 1000 + 600}]
        r pexpireat x $then
        assert_equal [expr {($then + 500) / 1000}] [r expiretime x]
    }

    test "PERSIST" {
        r set x 1 ex 100
        assert_equal 1 [r persist x]
        assert_equal -1 [r ttl x]
        assert_equal 0 [r persist x]
        assert_equal 0 [r persist nosuch]
    }

    test "A key is gone when its time has come, for every command" {
        r set x 1 px 30
        wait_until 0 5 {r exists x}
        assert_equal "" [r get x]
        assert_equal -2 [r ttl x]
        assert_equal none [r type x]
        assert_equal 0 [r del x]
        assert_equal 0 [r persist x]
        assert_equal 1 [r incr x]
        assert_equal -1 [r ttl x]
    }

    test "EXPIRE with a time in the past deletes" {
        foreach command {{expire x -1} {pexpire x -1} {expireat x 1} {pexpireat x 1} {expire x 0}} {
            r set x 1
            assert_equal 1 [r {*}$command] $command
            assert_equal 0 [r exists x] $command
        }
    }

    test "EXPIRE NX, XX, GT, LT" {
        r set x 1
        assert_equal 0 [r expire x 100 xx]
        assert_equal 0 [r expire x 100 gt]
        assert_equal 1 [r expire x 100 nx]
        assert_equal 0 [r expire x 200 nx]
        assert_equal 1 [r expire x 200 xx]
        assert_range [r ttl x] 195 200
        assert_equal 0 [r expire x 100 gt]
        assert_equal 1 [r expire x 300 gt]
        assert_equal 0 [r expire x 400 lt]
        assert_equal 1 [r expire x 50 lt]
        assert_range [r ttl x] 45 50
        assert_equal 1 [r expire x 60 xx gt]
        r persist x
        assert_equal 1 [r expire x 100 lt]
        assert_error "ERR NX and XX, GT or LT options at the same time are not compatible" {r expire x 1 nx xx}
        assert_error "ERR NX and XX, GT or LT options at the same time are not compatible" {r expire x 1 nx gt}
        assert_error "ERR GT and LT options at the same time are not compatible" {r expire x 1 gt lt}
        assert_error "ERR Unsupported option nosuch" {r expire x 1 nosuch}
    }

    test "EXPIRE with times that do not fit" {
        r set x 1
        foreach {command name} {
            {expire x 9223372036854775807} expire {expire x -9223372036854775808} expire
            {pexpire x 9223372036854770000} pexpire {expireat x 9223372036854775807} expireat
            {expire x 9223370399119966} expire
        } {
            assert_error "ERR invalid expire time in '$name' command" [list r {*}$command]
        }
        assert_error "ERR value is not an integer or out of range" {r expire x 9223372036854775808}
        assert_error "ERR value is not an integer or out of range" {r expire x abc}
        assert_equal -1 [r ttl x]
        assert_equal 1 [r pexpireat x 9223372036854775807]
        assert_equal 1 [r persist x]
    }

    test "Active expiry removes keys that nobody asks for" {
        r flushall
        r config resetstat
        set c [redis_deferring_client]
        for {set i 0} {$i < 1000} {incr i} { $c set volatile:$i $i px 20 }
        for {set i 0} {$i < 1000} {incr i} { $c read }
        r set keep 1
        wait_until 1 15 {r dbsize}
        assert_equal 1000 [s expired_keys]
        $c close
    }

    test "Active expiry works in every database" {
        r flushall
        foreach db {0 3 15} {
            r select $db
            r set volatile 1 px 20
        }
        r select 0
        wait_until "" 15 { regexp -inline {db\d+:} [r info keyspace] }
    }

    test "INFO keyspace counts keys with an expiry" {
        r flushall
        r mset a 1 b 2
        r set c 3 ex 1000
        assert_match "*db0:keys=3,expires=1,avg_ttl=*" [r info keyspace]
        r persist c
        assert_match "*db0:keys=3,expires=0,avg_ttl=0*" [r info keyspace]
        r flushall
        assert_no_match "*db0*" [r info keyspace]
    }

    test "Overwriting, renaming and deleting keys keeps the count of expiries right" {
        r flushall
        for {set i 0} {$i < 200} {incr i} {
            set key k[expr {int(rand() * 20)}]
            switch [expr {int(rand() * 7)}] {
                0 { r set $key 1 }
                1 { r set $key 1 ex 1000 }
                2 { r del $key }
                3 { r expire $key 1000 }
                4 { r persist $key }
                5 { catch {r rename $key k[expr {int(rand() * 20)}]} }
                6 { catch {r copy $key k[expr {int(rand() * 20)}] replace} }
            }
        }
        set keys 0
        set expires 0
        foreach key [r keys *] {
            incr keys
            if {[r ttl $key] > 0} { incr expires }
        }
        if {$keys > 0} {
            assert_match "*db0:keys=$keys,expires=$expires,*" [r info keyspace]
        }
    }

    test "Time passes between the commands of one pipeline" {
        set c [redis_client]
        $c write "SET short v PX 20\r\nDEBUG SLEEP 0.2\r\nGET short\r\nTIME\r\nSET long v PX 150000\r\nPEXPIRETIME long\r\n"
        assert_equal {OK OK {}} [list [$c read] [$c read] [$c read]]
        lassign [$c read] seconds us
        assert_equal OK [$c read]
        assert {[$c read] >= $seconds * 1000 + $us / 1000 + 150000}
        $c close
    }

    test "No command of a pipeline lives before what TIME said in front of it" {
        set c [redis_client]
        $c write [string repeat "TIME\r\nSET key v PX 150000\r\nPEXPIRETIME key\r\n" 3000]
        set early {}
        for {set i 0} {$i < 3000} {incr i} {
            lassign [$c read] seconds us
            assert_equal OK [$c read]
            set ahead [expr {$seconds * 1000 + $us / 1000 + 150000 - [$c read]}]
            if {$ahead > 0} {
                lappend early $ahead
            }
        }
        assert_equal {} $early
        $c close
    }
}
