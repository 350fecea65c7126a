# Keys with an expiry that hold lists, sets, hashes and sorted sets; expiry within transactions.

# Makes `key` hold a value of a type, over in a moment, and lets that pass while nobody deletes it.
proc overdue {key args} {
    r del $key
    {*}$args
    r pexpire $key 1
    resp::pause_ms 10
}

start_server {} {
    foreach {type make change empty} {
        list {r rpush key a b c} {{r lpush key x} {r lset key 0 y} {r linsert key before y z} {r lpop key}
            {r ltrim key 0 2} {r lrem key 0 a}} {r ltrim key 1 0}
        set {r sadd key a b c} {{r sadd key x} {r srem key a} {r smove key other b} {r spop key}} {r srem key a b c x}
        hash {r hset key a 1 b 2} {{r hset key a 2} {r hincrby key b 5} {r hsetnx key c 1} {r hdel key a}
            {r hexpire key 300 fields 1 b}} {r hdel key a b c}
        zset {r zadd key 1 a 2 b 3 c} {{r zadd key 5 x} {r zincrby key 1 a} {r zrem key a} {r zpopmin key}
            {r zremrangebyrank key 0 0}} {r zremrangebyscore key -inf +inf}
    } {
        test "Changing a $type keeps its expiry, emptying it does not" {
            r del key other
            {*}$make
            r expire key 100
            foreach command $change {
                {*}$command
                assert_range [r ttl key] 90 100
            }
            {*}$empty
            assert_equal 0 [r exists key]
            {*}$make
            assert_equal -1 [r ttl key]
        }

        test "A $type that is over is not there, for reading and for writing" {
            r debug set-active-expire 0
            set reads {{list {r lrange key 0 -1}} {set {r smembers key}} {hash {r hgetall key}}
                {zset {r zrange key 0 -1}}}
            foreach pair $reads {
                overdue key {*}$make
                if {[lindex $pair 0] eq $type} { assert_equal {} [{*}[lindex $pair 1]] }
            }
            overdue key {*}$make
            assert_equal [dict get {list 3 set 3 hash 2 zset 3} $type] [{*}$make]
            assert_equal -1 [r ttl key]
            # Its type is gone as well.
            overdue key {*}$make
            assert_equal 3 [r append key abc]
            r debug set-active-expire 1
        } {command:debug}
    }

    test "What takes from a list that is over gets nothing, what is there only for lists does nothing" {
        r debug set-active-expire 0
        foreach {command expected} {
            {r lpop key} {} {r rpoplpush key key2} {} {r lmove key key2 left right} {}
            {r lmpop 1 key left} {} {r lpushx key x} 0 {r linsert key before a x} 0 {r lpos key a} {}
            {r llen key} 0 {r lrem key 0 a} 0
        } {
            overdue key r rpush key a b
            assert_equal $expected [{*}$command] $command
            assert_equal 0 [r exists key key2] $command
        }
        overdue key r rpush key a
        assert_error "ERR no such key" {r lset key 0 x}
        r debug set-active-expire 1
    } {command:debug}

    test "A moved element leaves both expiries as they were" {
        r del l1 l2
        r rpush l1 a b
        r rpush l2 c
        r expire l1 100
        r expire l2 1000
        r lmove l1 l2 left right
        assert_range [r ttl l1] 90 100
        assert_range [r ttl l2] 990 1000
        # The last one takes the list along, and its expiry.
        r rpoplpush l1 l3
        assert_equal 0 [r exists l1]
        assert_equal -1 [r ttl l3]
    }

    test "What stores a whole value drops the expiry of the key" {
        foreach command {
            {sunionstore dst s} {sinterstore dst s s} {sdiffstore dst s none} {zunionstore dst 1 z}
            {zrangestore dst z 0 -1} {sort l alpha store dst} {geosearchstore dst g fromlonlat 1 1 byradius 9 km}
            {bitop not dst text} {set dst x} {getset dst x} {copy s dst replace}
        } {
            r del s z l g text dst
            r sadd s a b
            r zadd z 1 a
            r rpush l b a
            r geoadd g 1 1 here
            r set text abc
            r set dst old ex 100
            r {*}$command
            assert_equal -1 [r ttl dst] $command
        }
    }

    test "A blocked client waits on when the other key it waits for is over" {
        r del queue other
        set c [redis_deferring_client]
        r rpush other x
        r pexpire other 1
        wait_until 0 5 {r exists other}
        $c blpop other queue 0
        $c flush
        wait_until 1 5 {info_field [r info clients] blocked_clients}
        # A value that is over before the transaction that made it ends serves nobody.
        r multi
        r rpush other x
        r pexpire other 0
        r exec
        assert_equal 1 [info_field [r info clients] blocked_clients]
        r rpush queue served
        assert_equal {queue served} [$c read]
        $c close
    }

    test "EXPIRE within a transaction holds from its place on" {
        r del x l
        r multi
        r set x 1
        r ttl x
        r expire x 100
        r ttl x
        r set x 2 keepttl
        r ttl x
        r set x 3
        r ttl x
        r rpush l a
        r pexpire l -1
        r exists l
        assert_equal {OK -1 1 100 OK 100 OK -1 1 1 0} [r exec]
    }

    test "A key that is over when EXEC comes is not there" {
        r debug set-active-expire 0
        r set x 1 px 30
        r multi
        r exists x
        r incr x
        r ttl x
        resp::pause_ms 50
        assert_equal {0 1 -1} [r exec]
        r debug set-active-expire 1
    } {command:debug}

    test "Time stands still within a transaction" {
        r del x
        r multi
        r set x 1 px 30
        r debug sleep 0.06
        r get x
        r pttl x
        assert_equal {OK OK 1} [lrange [r exec] 0 2]
        wait_until 0 5 {r exists x}
    } {command:debug}

    test "A watched list or hash that is over spoils EXEC" {
        set c [redis_client]
        foreach make {{r rpush key a} {r hset key f v} {r zadd key 1 a} {r sadd key a}} {
            r del key
            {*}$make
            r pexpire key 100
            $c watch key
            wait_until 0 5 {r exists key}
            $c multi
            $c ping
            assert_equal {} [$c exec] $make
        }
        # A field that goes changes its hash.
        r hset key f v g w
        r hpexpire key 100 fields 1 f
        $c watch key
        wait_until 1 5 {r hlen key}
        $c multi
        $c ping
        assert_equal {} [$c exec]
        $c close
    }

    test "Counts of keys with an expiry come out right after all types" {
        r flushall
        foreach {name make} {l {r rpush l a} s {r sadd s a} h {r hset h f v} z {r zadd z 1 a}} {
            {*}$make
            r expire $name 100
        }
        assert_match "keys=4,expires=4,*" [info_field [r info keyspace] db0]
        r lpop l
        r srem s a
        r hdel h f
        r zrem z a
        assert_equal "" [info_field [r info keyspace] db0]
    }
}
