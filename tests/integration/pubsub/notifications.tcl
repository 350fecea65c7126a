# Keyspace notifications. What each command tells is compared with the reference by
# tests/compat/notifications; here: the option, classes, and what only this level has.

proc listen {classes args} {
    r config set notify-keyspace-events $classes
    set c [redis_client]
    $c psubscribe __key*__:*
    return $c
}

# Messages up to the one that is published now, as {event key} or {key event} by channel.
proc heard {c} {
    r publish __key:end__: end
    set messages {}
    while 1 {
        lassign [$c read] word pattern channel payload
        if {$payload eq "end"} { return $messages }
        regexp {^__key(\w+)@(\d+)__:(.*)$} $channel -> kind db name
        lappend messages [expr {$kind eq "event" ? "$db $name $payload" : "$db ($payload) $name"}]
    }
}

start_server {} {
    test "The option: letters, normal form, refusals" {
        assert_equal {notify-keyspace-events {}} [r config get notify-keyspace-events]
        foreach {given shown} {
            KEA AKE  Kg$ g\$K  lE lE  mKEA AKEm  KElsh lshKE  g$lshzxetdKE AKE  "" ""
        } {
            r config set notify-keyspace-events $given
            assert_equal [list notify-keyspace-events $shown] [r config get notify-keyspace-events]
        }
        assert_error "*Invalid event class character. Use 'Ag\$lshzxeKEtmdn'.*" {
            r config set notify-keyspace-events KEq
        }
    }

    test "Nothing is told without K or E, and of classes that were not asked for" {
        set c [listen A]
        r set a 1
        assert_equal {} [heard $c]
        r config set notify-keyspace-events Kl
        r set a 1
        r lpush l x
        assert_equal {{0 (lpush) l}} [heard $c]
        r config set notify-keyspace-events E$
        r set a 1
        r lpush l x
        assert_equal {{0 set a}} [heard $c]
        $c close
    }

    test "Both kinds of channels, the keyspace's first, with the database" {
        set c [listen KEA]
        r select 5
        r set "k\r\n" v
        r select 0
        assert_equal [list "5 (set) k\r\n" "5 set k\r\n"] [heard $c]
        $c close
    }

    test "Expired, evicted, new, missed" {
        r flushall
        set c [listen Exenm]
        r set a 1 px 1
        wait_until 0 10 {r exists a}
        # EXISTS misses as well, as often as it was asked.
        set seen [heard $c]
        assert_equal {0 new a} [lindex $seen 0]
        assert {[lsearch -exact $seen {0 expired a}] > 0}
        r get nosuch
        assert_equal {{0 keymiss nosuch}} [heard $c]
        r config set notify-keyspace-events Ee
        r set victim [string repeat x 10000]
        r config set maxmemory-policy allkeys-random maxmemory 1
        catch {r set more 1}
        assert_match "*{0 evicted victim}*" [heard $c]
        r config set maxmemory 0 maxmemory-policy noeviction
        $c close
    }

    test "An expired key is told of without anybody asking for it" {
        set c [listen Ex]
        r set a 1 px 20
        assert_equal {pmessage __key*__:* __keyevent@0__:expired a} [$c read]
        $c close
    }

    test "Fields of hashes that expire" {
        set c [listen Eh]
        r hset h f v g w
        r hexpire h 100 fields 1 f
        r hpersist h fields 1 f
        r hpexpire h 1 fields 1 g
        assert_equal {{0 hset h} {0 hexpire h} {0 hpersist h} {0 hexpire h}} [lrange [heard $c] 0 3]
        wait_until 1 10 {r hlen h}
        r hget h g
        r hsetex h ex 100 fields 1 x y
        r hgetex h persist fields 1 x
        r hgetdel h fields 1 x
        set seen [heard $c]
        assert_equal {0 hdel h} [lindex $seen end]
        assert {[lsearch -exact $seen {0 hpersist h}] >= 0}
        $c close
    } {redis8}

    test "Told to the client that changes the key behind its reply" {
        r config set notify-keyspace-events E$
        set c [redis_client]
        $c hello 3
        $c subscribe __keyevent@0__:set
        assert_equal OK [$c set k v]
        assert_equal {message __keyevent@0__:set k} [$c read]
        $c close
    } {redis8}
}
