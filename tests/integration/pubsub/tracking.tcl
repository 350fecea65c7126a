# Client-side caching: CLIENT TRACKING, CACHING, GETREDIR, TRACKINGINFO.

proc tracking_client {args} {
    set c [redis_client]
    $c hello 3
    $c client tracking on {*}$args
    return $c
}

start_server {} {
    test "Options that do not fit" {
        assert_error "ERR PREFIX option requires BCAST mode to be enabled" {r client tracking on prefix x}
        assert_error "ERR OPTIN and OPTOUT are not compatible with BCAST" {r client tracking on bcast optin}
        assert_error "ERR You can't specify both OPTIN mode and OPTOUT mode" {r client tracking on optin optout}
        assert_error "ERR The client ID you want redirect to does not exist" {r client tracking on redirect 99999}
        assert_error "ERR The client ID you want redirect to does not exist" {r client tracking on redirect -1}
        assert_error "ERR value is not an integer or out of range" {r client tracking on redirect abc}
        set id [r client id]
        assert_error "ERR A client can only redirect to a single other client" {
            r client tracking on redirect $id redirect $id
        }
        foreach words {{maybe} {on nosuch} {on redirect} {on prefix}} {
            assert_error "ERR syntax error" {r client tracking {*}$words}
        }
        assert_error "ERR Prefix 'ab' overlaps with another provided prefix 'a'. Prefixes for a single client must not overlap." {
            r client tracking on bcast prefix ab prefix a
        }
        r client tracking on bcast prefix foo
        assert_error "ERR Prefix 'fo' overlaps with an existing prefix 'foo'. Prefixes for a single client must not overlap." {
            r client tracking on bcast prefix fo
        }
        assert_error "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode." {
            r client tracking on
        }
        r client tracking off
        r client tracking on optin
        assert_error "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode." {
            r client tracking on optout
        }
        assert_error "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode." {r client caching no}
        assert_error "ERR syntax error" {r client caching maybe}
        r client tracking off
        assert_error "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled" {
            r client caching yes
        }
    }

    test "TRACKINGINFO and GETREDIR" {
        assert_equal {flags off redirect -1 prefixes {}} [r client trackinginfo]
        assert_equal -1 [r client getredir]
        set id [r client id]
        r client tracking on redirect $id noloop optin
        r client caching yes
        assert_equal [list flags {on optin caching-yes noloop} redirect $id prefixes {}] [r client trackinginfo]
        assert_equal $id [r client getredir]
        assert_match "*flags=t*redir=$id *" [r client info]
        r client tracking off
        r client tracking on bcast prefix b prefix a
        assert_equal {flags {on bcast} redirect 0 prefixes {a b}} [r client trackinginfo]
        assert_match "*flags=tB*" [r client info]
        assert_equal 1 [s tracking_clients]
        assert_equal 2 [s tracking_total_prefixes]
        r client tracking off
        assert_equal 0 [s tracking_clients]
        assert_equal 0 [s tracking_total_prefixes]
    }

    test "A key that was read is told of once, when it changes" {
        set c [tracking_client]
        $c mget a b
        r set a 1
        assert_equal {invalidate a} [$c read]
        r set a 2
        r del b
        r set b 1
        assert_equal {invalidate b} [$c read]
        $c get a
        r set a 3
        assert_equal {invalidate a} [$c read]
        assert_equal PONG [$c ping]
        $c close
    }

    test "The client's own changes are told behind the reply, or not at all with NOLOOP" {
        set c [tracking_client]
        $c get a
        $c send set a 1
        assert_equal "+OK\r\n" [$c raw]
        assert_equal ">2\r\n\$10\r\ninvalidate\r\n*1\r\n\$1\r\na\r\n" [$c raw]
        $c client tracking off
        $c client tracking on noloop
        $c get a
        $c set a 2
        assert_equal PONG [$c ping]
        $c get a
        r set a 3
        assert_equal {invalidate a} [$c read]
        $c close
    }

    test "FLUSHALL and FLUSHDB send a null" {
        set c [tracking_client]
        $c get a
        r flushdb
        assert_equal ">2\r\n\$10\r\ninvalidate\r\n_\r\n" [$c raw]
        $c send flushall
        assert_equal "+OK\r\n" [$c raw]
        assert_equal ">2\r\n\$10\r\ninvalidate\r\n_\r\n" [$c raw]
        assert_equal 0 [s tracking_total_keys]
        $c close
    }

    test "Keys that expire or are evicted" {
        set c [tracking_client]
        r set a 1 px 50
        $c get a
        assert_equal {invalidate a} [$c read]
        r set victim [string repeat x 10000]
        $c get victim
        r config set maxmemory-policy allkeys-random maxmemory 1
        catch {r set more 1}
        assert_equal {invalidate victim} [$c read]
        r config set maxmemory 0 maxmemory-policy noeviction
        $c close
    }

    test "OPTIN: only after CLIENT CACHING YES, for one command" {
        set c [tracking_client optin]
        $c get a
        r set a 1
        $c client caching yes
        $c get b
        $c get a
        r set a 2
        r set b 2
        assert_equal {invalidate b} [$c read]
        $c close
    }

    test "OPTOUT: not after CLIENT CACHING NO" {
        set c [tracking_client optout]
        $c client caching no
        $c get a
        $c get b
        r set a 1
        r set b 1
        assert_equal {invalidate b} [$c read]
        $c close
    }

    test "BCAST: prefixes, several keys in one message, NOLOOP" {
        set c [tracking_client bcast noloop prefix user: prefix obj:]
        r mset user:2 1 other 1 user:1 1
        assert_equal {invalidate {user:1 user:2}} [$c read]
        $c set user:1 2
        r set obj:1 1
        assert_equal {invalidate obj:1} [$c read]
        assert_equal PONG [$c ping]
        r flushall
        assert_equal {invalidate {}} [$c read]
        $c close
        set c [tracking_client bcast]
        r set any 1
        assert_equal {invalidate any} [$c read]
        $c send set any 2
        assert_equal OK [$c read]
        assert_equal {invalidate any} [$c read]
        $c close
    }

    test "REDIRECT to a RESP2 client in pub/sub mode, and to one in RESP3" {
        set target [redis_client]
        set id [$target client id]
        set c [redis_client]
        assert_equal OK [$c client tracking on redirect $id]
        $target subscribe __redis__:invalidate
        $c get a
        r set a 1
        assert_equal "*3\r\n\$7\r\nmessage\r\n\$20\r\n__redis__:invalidate\r\n*1\r\n\$1\r\na\r\n" [$target raw]
        r flushall
        assert_equal "*3\r\n\$7\r\nmessage\r\n\$20\r\n__redis__:invalidate\r\n\$-1\r\n" [$target raw]
        $target unsubscribe
        $c get a
        r set a 2
        assert_equal PONG [$target ping]
        $target hello 3
        $c get a
        r set a 3
        assert_equal {invalidate a} [$target read]
        $target close
        $c close
    }

    test "A redirect that is broken is told to the client" {
        set target [redis_client]
        set id [$target client id]
        set c [tracking_client redirect $id]
        $c get a
        $target close
        wait_until 0 10 {llength [r client list id $id]}
        r set a 1
        assert_equal [list tracking-redir-broken $id] [$c read]
        assert_equal [list flags {on broken_redirect} redirect $id prefixes {}] [$c client trackinginfo]
        assert_match "*flags=tR*" [$c client info]
        $c close
    }

    test "In RESP2 without a redirect nobody is told" {
        set c [redis_client]
        $c client tracking on
        $c get a
        r set a 1
        assert_equal PONG [$c ping]
        $c close
    }

    test "Transactions: told behind EXEC" {
        set c [tracking_client]
        $c multi
        $c get a
        $c set a 1
        $c get a
        $c send exec
        assert_match "\\*3\r\n*+OK\r\n\$1\r\n1\r\n" [$c raw]
        assert_equal {invalidate a} [$c read]
        r set a 2
        assert_equal {invalidate a} [$c read]
        $c close
    }

    test "The table is limited; keys that are dropped are told of" {
        r flushall
        set c [tracking_client]
        r config set tracking-table-max-keys 10
        for {set i 0} {$i < 50} {incr i} { $c send get key$i }
        set replies 0
        set invalidated {}
        while {$replies < 50} {
            set got [$c read]
            if {[lindex $got 0] eq "invalidate"} { lappend invalidated [lindex $got 1] } else { incr replies }
        }
        r ping
        wait_until 10 10 {s tracking_total_keys}
        assert_equal 10 [s tracking_total_items]
        while {[llength $invalidated] < 40} { lappend invalidated [lindex [$c read] 1] }
        assert_equal 40 [llength [lsort -unique $invalidated]]
        r config set tracking-table-max-keys 1000000
        $c close
    }

    test "RESET and the end of a client end tracking" {
        set c [tracking_client]
        $c get a
        $c reset
        assert_equal 0 [s tracking_clients]
        set c2 [tracking_client bcast]
        assert_equal 1 [s tracking_clients]
        $c2 close
        wait_until 0 10 {s tracking_clients}
        r set a 1
        assert_equal PONG [$c ping]
        $c close
    }

    test "Many clients that read the same key" {
        r flushall
        set clients {}
        for {set i 0} {$i < 40} {incr i} { lappend clients [tracking_client] }
        foreach c $clients { $c get shared }
        assert_equal 40 [s tracking_total_items]
        r set shared 1
        foreach c $clients { assert_equal {invalidate shared} [$c read] }
        assert_equal 0 [s tracking_total_items]
        foreach c $clients { $c close }
    }
}
