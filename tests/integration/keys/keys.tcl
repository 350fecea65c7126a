# DEL, UNLINK, EXISTS, TYPE, RENAME, COPY, MOVE, TOUCH, RANDOMKEY, KEYS, DBSIZE, FLUSHDB, FLUSHALL, OBJECT.

start_server {} {
    test "DEL and UNLINK" {
        foreach command {del unlink} {
            r mset a 1 b 2 c 3
            assert_equal 1 [r $command a]
            assert_equal 2 [r $command a b c c nosuch]
            assert_equal 0 [r dbsize]
            assert_error "ERR wrong number of arguments for '$command' command" [list r $command]
        }
    }

    test "DEL of an expired key counts nothing" {
        r config set maxmemory-policy noeviction
        r debug set-active-expire 0
        r set x 1 px 1
        wait_until 0 5 {r exists x}
        assert_equal 0 [r del x]
        r debug set-active-expire 1
    } {command:debug}

    test "EXISTS counts repeated names" {
        r mset a 1 b 2
        assert_equal 1 [r exists a]
        assert_equal 3 [r exists a b a nosuch]
    }

    test "TYPE" {
        assert_equal string [r type a]
        assert_equal none [r type nosuch]
    }

    test "TOUCH" {
        assert_equal 2 [r touch a b nosuch]
    }

    test "RENAME" {
        r flushall
        r set a 1 ex 100
        r set b 2
        assert_equal OK [r rename a b]
        assert_equal 1 [r get b]
        assert_range [r ttl b] 95 100
        assert_equal 0 [r exists a]
        assert_error "ERR no such key" {r rename nosuch b}
        assert_equal OK [r rename b b]
        assert_equal 1 [r get b]
        r set c 3
        r rename c b
        assert_equal -1 [r ttl b]
    }

    test "RENAMENX" {
        r flushall
        r mset a 1 b 2
        assert_equal 0 [r renamenx a b]
        assert_equal 1 [r renamenx a c]
        assert_equal 1 [r get c]
        assert_error "ERR no such key" {r renamenx nosuch x}
        assert_equal 0 [r renamenx c c]
    }

    test "COPY" {
        r flushall
        r set a 1 ex 100
        assert_equal 1 [r copy a b]
        assert_range [r ttl b] 95 100
        assert_equal 0 [r copy a b]
        r set a 2
        assert_equal 1 [r copy a b replace]
        assert_equal {2 -1} [list [r get b] [r ttl b]]
        assert_equal 1 [r copy a a2 db 9]
        assert_equal 0 [r exists a2]
        r select 9
        assert_equal 2 [r get a2]
        r select 0
        assert_equal 0 [r copy nosuch x]
        assert_error "ERR source and destination objects are the same" {r copy a a}
        assert_error "ERR DB index is out of range" {r copy a b db 16}
        assert_error "ERR *" {r copy a b db notadb}
        assert_error "ERR syntax error" {r copy a b nosuch}
        # The copies are independent.
        r append b x
        assert_equal {2 2x} [list [r get a] [r get b]]
        r flushall
    }

    test "MOVE" {
        r flushall
        r set a 1 ex 100
        assert_equal 1 [r move a 9]
        assert_equal 0 [r exists a]
        r select 9
        assert_equal 1 [r get a]
        assert_range [r ttl a] 95 100
        r select 0
        r set a 2
        assert_equal 0 [r move a 9]
        assert_equal 0 [r move nosuch 9]
        assert_error "ERR source and destination objects are the same" {r move a 0}
        assert_error "ERR DB index is out of range" {r move a 16}
        assert_error "ERR value is not an integer or out of range" {r move a x}
        r flushall
    }

    test "RANDOMKEY" {
        r flushall
        assert_equal "" [r randomkey]
        r mset a 1 b 2
        set seen {}
        for {set i 0} {$i < 100} {incr i} { dict set seen [r randomkey] 1 }
        assert_equal {a b} [lsort [dict keys $seen]]
    }

    test "RANDOMKEY does not remove any number of expired keys" {
        r flushall
        r debug set-active-expire 0
        for {set i 0} {$i < 3000} {incr i} { r set expired:$i v px 1 }
        resp::pause_ms 5
        assert_equal "" [r randomkey]
        assert_range [r dbsize] 2900 2999
        r set living v ex 1000
        assert_equal living [r randomkey]
        r debug set-active-expire 1
    } {command:debug}

    test "KEYS with patterns" {
        r flushall
        r mset foo 1 fob 2 fo 3 bar 4 "a\[b" 5 "x*y" 6 "" 7
        foreach {pattern want} {
            * {{} {a[b} bar fo fob foo x*y} foo* foo fo? {fob foo} f[oa]o foo f[^a]b fob [a-c]ar bar
            nosuch {} "x\\*y" x*y "a\\\[b" {{a[b}} "" {{}} ?? fo *o {fo foo} **** {{a[b} bar fo fob foo x*y}
            f[z-a]o foo
        } {
            assert_equal $want [lsort [r keys $pattern]] $pattern
        }
    }

    test "KEYS sees the selected database, no expired keys" {
        r flushall
        r select 9
        r set other 1
        r select 0
        r set here 1
        r set gone 1 px 1
        wait_until 0 5 {r exists gone}
        assert_equal here [r keys *]
        r flushall
    }

    test "DBSIZE, FLUSHDB and FLUSHALL" {
        r flushall
        r mset a 1 b 2
        r select 9
        r set c 3
        assert_equal 1 [r dbsize]
        assert_equal OK [r flushdb]
        assert_equal 0 [r dbsize]
        r select 0
        assert_equal 2 [r dbsize]
        assert_equal OK [r flushdb async]
        assert_equal 0 [r dbsize]
        r mset a 1 b 2
        assert_equal OK [r flushall sync]
        assert_equal 0 [r dbsize]
        assert_equal OK [r flushall async]
        assert_error "ERR syntax error" {r flushall nosuch}
        assert_error "ERR syntax error" {r flushdb async sync}
    }

    test "Ten thousand keys are made, found and deleted" {
        r flushall
        set c [redis_deferring_client]
        for {set i 0} {$i < 10000} {incr i} { $c set key:$i $i }
        for {set i 0} {$i < 10000} {incr i} { $c read }
        assert_equal 10000 [r dbsize]
        assert_equal 10000 [llength [lsort -unique [r keys *]]]
        for {set i 0} {$i < 10000} {incr i} { $c get key:$i }
        for {set i 0} {$i < 10000} {incr i} { assert_equal $i [$c read] }
        for {set i 0} {$i < 10000} {incr i 2} { $c del key:$i }
        for {set i 0} {$i < 10000} {incr i 2} { assert_equal 1 [$c read] }
        assert_equal 5000 [r dbsize]
        for {set i 0} {$i < 10000} {incr i} { $c exists key:$i }
        for {set i 0} {$i < 10000} {incr i} { assert_equal [expr {$i % 2}] [$c read] }
        $c close
    }

    test "OBJECT" {
        r set x abc
        assert_equal embstr [r object encoding x]
        assert_equal 1 [r object refcount x]
        assert_range [r object idletime x] 0 2
        assert_equal "" [r object encoding nosuch]
        assert_error "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust." {
            r object freq x
        }
        r config set maxmemory-policy allkeys-lfu
        r set y 1
        assert_range [r object freq y] 0 255
        assert_error "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust." {
            r object idletime y
        }
        r config set maxmemory-policy noeviction
        assert_match "OBJECT <subcommand> *" [lindex [r object help] 0]
        assert_error "ERR unknown subcommand 'nosuch'. Try OBJECT HELP." {r object nosuch x}
    }

    test "Keyspace hits and misses are counted" {
        r config resetstat
        r set x 1
        r get x
        r get nosuch
        r exists nosuch
        assert_equal {1 2} [list [s keyspace_hits] [s keyspace_misses]]
    }
}
