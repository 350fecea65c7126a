# Options about how values are kept and freed: each has its effect, under its old names too.

start_server {overrides {save {}}} {
    proc range_words {from to {prefix ""}} {
        set words {}
        for {set i $from} {$i <= $to} {incr i} { lappend words $prefix$i }
        return $words
    }

    proc pairs {count {value v}} {
        set words {}
        for {set i 0} {$i < $count} {incr i} { lappend words f$i $value }
        return $words
    }

    proc scored {count {member m}} {
        set words {}
        for {set i 0} {$i < $count} {incr i} { lappend words $i $member$i }
        return $words
    }

    # With the option at 10: what is just within keeps the small encoding, one more does not.
    proc check_threshold {name small within large beyond} {
        r config set $name 10
        foreach {encoding words} [list $small $within $large $beyond] {
            r del key
            r {*}$words
            assert_equal $encoding [r object encoding key] "$name, [lindex $words 0]"
        }
    }

    foreach {name alias small within large beyond} [list \
        hash-max-listpack-entries hash-max-ziplist-entries \
            listpack [list hset key {*}[pairs 10]] hashtable [list hset key {*}[pairs 11]] \
        hash-max-listpack-value hash-max-ziplist-value \
            listpack [list hset key f 0123456789] hashtable [list hset key f 0123456789a] \
        hash-max-listpack-value hash-max-ziplist-value \
            listpack [list hset key 0123456789 v] hashtable [list hset key 0123456789a v] \
        set-max-intset-entries "" \
            intset [list sadd key {*}[range_words 1 10]] listpack|hashtable [list sadd key {*}[range_words 1 11]] \
        zset-max-listpack-entries zset-max-ziplist-entries \
            listpack [list zadd key {*}[scored 10]] skiplist [list zadd key {*}[scored 11]] \
        zset-max-listpack-value zset-max-ziplist-value \
            listpack [list zadd key 1 0123456789] skiplist [list zadd key 1 0123456789a] \
        list-max-listpack-size list-max-ziplist-size \
            listpack|quicklist [list rpush key {*}[range_words 1 10]] quicklist [list rpush key {*}[range_words 1 11]] \
    ] {
        test "$name is a threshold ([lindex $within 0], [llength $within] words)" {
            set default [lindex [r config get $name] 1]
            # The reference at 7.0 has no listpacks for sets, and quicklists alone for lists.
            set is_new [expr {[info_field [r info server] redis_version] >= "7.2"}]
            set small [lindex [split $small |] [expr {!$is_new && [string match *|* $small]}]]
            set large [lindex [split $large |] [expr {!$is_new && [string match *|* $large]}]]
            check_threshold $name $small $within $large $beyond
            if {$alias ne ""} {
                assert_equal [list $alias 10] [r config get $alias]
                r config set $alias 11
                assert_equal [list $name 11] [r config get $name]
                r del key
                r {*}$beyond
                assert_equal $small [r object encoding key]
            }
            r config set $name $default
        }
    }

    test "set-max-listpack-entries and set-max-listpack-value are thresholds" {
        foreach {name within beyond} [list \
            set-max-listpack-entries [list sadd key {*}[range_words 1 10 m]] [list sadd key {*}[range_words 1 11 m]] \
            set-max-listpack-value [list sadd key 0123456789] [list sadd key 0123456789a]] {
            set default [lindex [r config get $name] 1]
            check_threshold $name listpack $within hashtable $beyond
            r config set $name $default
        }
    } {sluice}

    test "list-max-listpack-size counts bytes when it is negative" {
        foreach {size kilobytes} {-1 4 -2 8 -3 16 -4 32 -5 64} {
            r config set list-max-listpack-size $size
            r del key
            r rpush key [string repeat x [expr {$kilobytes * 1024 - 200}]]
            r rpush key y
            assert_equal listpack [r object encoding key]
            r rpush key [string repeat z 400]
            assert_equal quicklist [r object encoding key]
        }
        r config set list-max-listpack-size -2
    } {sluice}

    test "list-compress-depth compresses what is between" {
        r config set list-max-listpack-size 10
        foreach {depth least most} {1 0 60000 4 20000 90000 0 100000 300000} {
            r config set list-compress-depth $depth
            r del key
            for {set i 0} {$i < 100} {incr i} { r rpush key [string repeat element$i- 100] }
            assert_range [r memory usage key samples 0] $least $most
            assert_match "*ql_compressed:[expr {$depth > 0}] *" [r debug object key]
            assert_equal [string repeat element50- 100] [r lindex key 50]
        }
        r config set list-max-listpack-size -2
    } {sluice command:debug}

    test "hll-sparse-max-bytes makes dense what is larger" {
        foreach {bytes encoding} {100 dense 3000 sparse} {
            r config set hll-sparse-max-bytes $bytes
            r del key
            r pfadd key {*}[range_words 1 100]
            assert_equal $encoding [r pfdebug encoding key]
        }
    }

    # -- freeing --

    proc large {key} {
        r del $key
        r sadd $key {*}[range_words 1 2000 member:]
    }

    proc lazily_freed {} {
        wait_until 0 10 {info_field [r info memory] lazyfree_pending_objects}
        return [info_field [r info memory] lazyfreed_objects]
    }

    foreach {option words} {
        lazyfree-lazy-user-del {del key}
        lazyfree-lazy-user-flush flushall
        lazyfree-lazy-user-flush flushdb
        lazyfree-lazy-server-del {rename other key}
        lazyfree-lazy-server-del {set key v}
        lazyfree-lazy-server-del {copy other key replace}
        lazyfree-lazy-server-del {sunionstore key other}
        lazyfree-lazy-server-del {sort other by nosort alpha store key}
        lazyfree-lazy-expire {pexpireat key 1}
        lazyfree-lazy-expire {pexpire key 1}
    } {
        test "$option: $words frees in the background when told" {
            foreach {value expected} {no 0 yes 1} {
                r config set $option no
                r flushall
                large key
                r sadd other a b
                r config resetstat
                set before [lazily_freed]
                r config set $option $value
                r {*}$words
                if {[lindex $words 0] eq "pexpire"} { wait_until 0 10 {r exists key} }
                set freed [expr {[lazily_freed] - $before}]
                # A whole database counts as its keys.
                assert_equal $expected [expr {min($freed, 1)}] $value
            }
            r config set $option no
        }
    }

    test "FLUSHALL of a large database stops nobody, and is answered when it is done" {
        foreach words {{flushall} {flushdb sync}} {
            r flushall
            r debug populate 300000
            r config resetstat
            set other [redis_client]
            r deferred 1
            r {*}$words
            wait_until 0 10 {$other dbsize}
            assert_equal OK [$other set new v]
            r deferred 0
            assert_equal OK [r read]
            assert_equal 300000 [info_field [r info memory] lazyfreed_objects]
            assert_equal 0 [info_field [r info memory] lazyfree_pending_objects]
            assert_equal 1 [r dbsize]
            assert_match "*calls=1,*" [info_field [r info commandstats] cmdstat_[lindex $words 0]]
            $other close
        }
    } {sluice command:debug}

    test "FLUSHALL in a transaction is answered with it" {
        r debug populate 300000
        r multi
        r flushall
        r set new v
        assert_equal {OK OK} [r exec]
        assert_equal 1 [r dbsize]
        wait_until 0 10 {info_field [r info memory] lazyfree_pending_objects}
    } {command:debug}

    test "Clients that go while their FLUSHALL is under way, and those behind" {
        for {set round 0} {$round < 3} {incr round} {
            r debug populate 300000
            set clients {}
            for {set i 0} {$i < 6} {incr i} {
                set c [redis_client]
                $c deferred 1
                $c flushall
                $c ping
                lappend clients $c
                r set key:$i v
                r debug populate 30000
            }
            foreach {c gone} $clients { $gone close }
            foreach {c gone} $clients {
                assert_equal OK [$c read]
                assert_equal PONG [$c read]
                $c close
            }
            r flushall
            assert_equal 0 [r dbsize]
        }
    } {sluice command:debug}

    # -- eviction --

    proc idle_fill {} {
        r config set maxmemory 0
        r flushall
        r debug populate 20000 key 200
        r config resetstat
    }

    test "maxmemory-eviction-tenacity bounds what one command evicts" {
        r config set maxmemory-policy allkeys-random
        foreach {tenacity least most} {0 0 2000 100 9000 20000} {
            idle_fill
            r config set maxmemory-eviction-tenacity $tenacity
            set limit [expr {[info_field [r info memory] used_memory] - 3000000}]
            r deferred 1
            foreach words [list [list config set maxmemory $limit] {set key:1 v} {info stats}] { r {*}$words }
            r deferred 0
            r read
            r read
            assert_range [info_field [r read] evicted_keys] $least $most
        }
        r config set maxmemory 0 maxmemory-eviction-tenacity 10 maxmemory-policy noeviction
    } {sluice command:debug}

    test "lfu-log-factor says how much an access counts" {
        r config set maxmemory-policy allkeys-lfu
        foreach {factor least most} {0 105 106 10 6 25 1000000 5 7} {
            r config set lfu-log-factor $factor
            r set key v
            r del key
            r set key v
            for {set i 0} {$i < 100} {incr i} { r get key }
            assert_range [r object freq key] $least $most
        }
        r config set lfu-log-factor 10
    }

    test "OBJECT FREQ stays when a value is replaced, and OBJECT does not count" {
        r config set lfu-log-factor 0
        r del key
        r set key v
        for {set i 0} {$i < 50} {incr i} { r get key }
        set frequency [r object freq key]
        assert_equal $frequency [r object freq key]
        r set key w
        assert_range [r object freq key] $frequency [expr {$frequency + 2}]
        r client no-touch on
        set frequency [r object freq key]
        r get key
        assert_equal $frequency [r object freq key]
        r client no-touch off
        r config set lfu-log-factor 10 maxmemory-policy noeviction
    } {sluice}

    # -- tables --

    test "activerehashing goes on with resizing while nobody asks" {
        r flushall
        r config set activerehashing no
        r debug populate 60000
        set i 0
        while {![string match "*rehashing target*" [r debug htstats 0]]} {
            assert {[incr i] < 200000}
            r set more:$i v
        }
        set stats [r debug htstats 0]
        resp::pause_ms 300
        assert_equal $stats [r debug htstats 0]
        r config set activerehashing yes
        wait_until 0 10 {string match "*rehashing target*" [r debug htstats 0]}
        r flushall
    } {sluice command:debug}
}
