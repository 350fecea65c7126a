# Clients that end while something is done for them. Tests are named after the advisories.

# blocked ID-VARIABLE COMMAND...: a client that waits.
proc blocked {variable args} {
    upvar 1 $variable id
    set before [s blocked_clients]
    set c [redis_deferring_client]
    $c client id
    set id [$c read]
    $c write [resp::encode $args]
    wait_until [expr {$before + 1}] 10 {s blocked_clients}
    return $c
}

start_server {} {
    test "CVE-2026-23479: a blocked client is evicted for what its command answers" {
        for {set round 0} {$round < 5} {incr round} {
            set a [blocked id_a blpop k k2 0]
            set b [blocked id_b blmove k dst left left 0]
            set d [blocked id_d bzmpop 0 2 z k min count 10]
            r client no-evict on
            r config set maxmemory-clients 1500000
            # The replies make their clients too large in the moment in which they are served.
            r multi
            r rpush k [string repeat a 1400000] [string repeat b 1400000] c
            r zadd z 1 [string repeat m 1400000]
            r exec
            foreach c [list $a $b $d] {
                catch {$c timeout 3000}
                catch {$c read}
                $c close
            }
            r config set maxmemory-clients 0
            r flushall
        }
        wait_until 0 10 {s blocked_clients}
        wait_until 0 10 {s total_blocking_keys}
        wait_until 1 10 {s connected_clients}
    } {redis8}

    test "CVE-2026-23479: a blocked client's command fails when it is run again" {
        set a [blocked id brpoplpush src dst 0]
        set b [blocked id_b blmove src dst2 left left 0]
        r multi
        r set dst string
        r rpush src x
        r client kill id $id
        r exec
        assert_equal x [$b read]
        assert_equal {x string} [list [r lpop dst2] [r get dst]]
        assert_equal 1 [$a eof]
        $a close
        $b close
        r del dst
    } {redis8}

    test "redis#15594, valkey#4212: one of those that wait for a key frees the others" {
        # Each served client's element is a reason to evict: whoever is next in the queue may be gone by then.
        set waiting {}
        for {set i 0} {$i < 12} {incr i} {
            set c [blocked id[set i] blpop k 0]
            lappend waiting $c
        }
        r multi
        r rpush k 1 2 3
        for {set i 0} {$i < 12} {incr i 2} { r client kill id [set id$i] }
        r rpush k 4 5 6
        r client unblock $id1
        r client unblock $id3 error
        r exec
        foreach c $waiting {
            catch {$c timeout 3000}
            catch {$c read}
            $c close
        }
        wait_until 0 10 {s blocked_clients}
        r del k
    }

    test "valkey#3458: clients freed while I/O threads write to them" {
        r set big [string repeat x 300000]
        for {set round 0} {$round < 6} {incr round} {
            set clients {}
            for {set i 0} {$i < 12} {incr i} {
                set c [redis_deferring_client]
                $c write [string repeat [resp::encode {get big}] 8]
                lappend clients $c
            }
            if {$round % 2} {
                r client kill type normal skipme yes
            } else {
                catch {r config set maxmemory-clients 1mb}
                r ping
                catch {r config set maxmemory-clients 0}
            }
            foreach c $clients { $c close }
        }
        wait_until 1 15 {s connected_clients}
        r del big
    }

    test "redis#15094: CLIENT KILL of itself in EXEC while it tracks, listens and watches" {
        for {set i 0} {$i < 5} {incr i} {
            set c [redis_client]
            $c hello 3
            $c client tracking on bcast prefix k
            $c subscribe a
            $c write [join [lmap words [list {watch k} multi {set k 1} {ssubscribe s} [list client kill id [$c client id] skipme no] \
                {unsubscribe a} {psubscribe *} {set k2 1} {blpop none 0} {publish a m} exec {ping after}] { resp::encode $words }] ""]
            while {![catch {$c read} reply]} {}
            assert_match "*closed the connection*" $reply
            $c close
        }
        wait_until 1 10 {s connected_clients}
        assert_equal {0 0 0} [list [s tracking_clients] [s blocked_clients] [s pubsub_channels]]
        assert_equal {} [r pubsub shardchannels]
        r flushall
    } {redis8}

    test "CVE-2023-41056: replies that grow and shrink the output buffer" {
        set c [redis_deferring_client]
        expr {srand(11)}
        set sizes {}
        for {set i 0} {$i < 300} {incr i} {
            set size [expr {int(exp(rand() * 12.5))}]
            lappend sizes $size
            r setrange k$i [expr {$size - 1 < 0 ? 0 : $size - 1}] x
        }
        for {set i 0} {$i < 300} {incr i} { $c write [resp::encode [list get k$i]] }
        for {set i 0} {$i < 300} {incr i} {
            set reply [$c read]
            assert {[string length $reply] == max(1, [lindex $sizes $i]) && [string index $reply end] eq "x"} $i
        }
        $c close
        r flushall
    }

    test "CVE-2025-49112: replies whose length is known late" {
        r rpush l a b c
        foreach i {1 2 3} { r sadd s$i a b c d; r hset h$i f v; r zadd z$i 1 a 2 b }
        set c [redis_deferring_client]
        foreach version {2 3} {
            $c hello $version
            $c read
            foreach command {{sinter s1 s2 s3} {zunion 3 z1 z2 z3 withscores} {hgetall h1} {hgetall none} {keys *} {scan 0 count 1000}
                {sort l alpha} {lpos l a count 0} {config get *} {config get none} {command docs get} {client list} {zrangebyscore z1 5 9}
                {hscan h1 0} {sdiff s1 s2} {lrange l 5 9} {pubsub numsub} {slowlog get -1} {latency latest}} {
                $c client reply skip
                $c write [resp::encode $command]
                $c write [resp::encode $command]
                $c write [resp::encode {ping end}]
                $c read
                assert_equal end [$c read] $command
            }
        }
        $c close
        r flushall
    }
}

# The worker still frees what was deleted when the server is stopped behind the test: its exit code and
# its log tell (sanitizers).
foreach how {unlink flushall} {
    start_server {} {
        test "The server ends while the worker frees: $how" {
            for {set i 0} {$i < 20} {incr i} {
                set members {}
                for {set j 0} {$j < 3000} {incr j} { lappend members "m$i-$j" }
                r sadd s$i {*}$members
                r set k$i [string repeat x 20000]
            }
            for {set i 0} {$i < 200} {incr i} { r set small$i x }
            set commands {}
            if {$how eq "unlink"} {
                for {set i 0} {$i < 20} {incr i} { append commands [resp::encode [list unlink s$i k$i]] }
            } else {
                append commands [resp::encode {flushall async}]
            }
            set c [redis_deferring_client]
            $c write "$commands[resp::encode {ping done}]"
            set count [expr {$how eq "unlink" ? 20 : 1}]
            for {set i 0} {$i < $count} {incr i} { $c read }
            assert_equal done [$c read]
            $c close
        }
    }
}
