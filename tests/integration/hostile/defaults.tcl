# What must be safe without being asked for.

# Another address of this machine, or nothing.
proc local_address {} {
    set last ""
    foreach line [split [read_file /proc/net/fib_trie] \n] {
        if {[regexp {\|-- (\d+\.\d+\.\d+\.\d+)} $line -> address]} {
            set last $address
        } elseif {[string match "*/32 host LOCAL*" $line] && ![string match 127.* $last]} {
            return $last
        }
    }
    return ""
}

test "Defaults: guards, listeners and subscriptions" {
    start_server {} {
        foreach {name value} {enable-module-command no acl-pubsub-default resetchannels
            acllog-max-len 128 tls-auth-clients yes} {
            assert_equal [list $name $value] [r config get $name]
        }
    }
    set conf [read_file [file join $::root redis.conf]]
    assert {[regexp -line {^bind 127.0.0.1 -::1$} $conf]}
    assert {![regexp -line {^protected-mode no} $conf]}
    assert {![regexp -line {^enable-(protected-configs|debug-command|module-command) (yes|local)} $conf]}
} {sluice}

test "Protected mode holds for TLS without certificates of clients too" {
    set address [local_address]
    if {$address eq ""} { return }
    start_server [list overrides [list bind "* -::*" protected-mode yes]] {
        r config set tls-auth-clients no
        set c [resp::connect -host $address -port [srv port] -tls 1 -tls_options [tls_client_options client]]
        catch {$c write "PING\r\n"}
        assert_match "-DENIED Redis is running in protected mode*" [$c raw]
        assert_equal 1 [$c eof]
        $c close
        # Whoever has shown a certificate of the authority is no stranger.
        r config set tls-auth-clients yes
        set c [resp::connect -host $address -port [srv port] -tls 1 -tls_options [tls_client_options client]]
        assert_equal PONG [$c ping]
        $c close
    }
} {sluice tls}

test "CVE-2025-62507, CVE-2021-3470: the program is built with what stops exploits" {
    if {[auto_execok readelf] eq "" || [regexp {address|thread|soft|clang} [server_program]]} { return }
    set text [exec readelf -hldW [server_program]]
    assert {[regexp {Type:\s+DYN} $text]} "position independent"
    assert {[regexp {GNU_RELRO} $text] && [regexp {BIND_NOW|Flags:.*NOW} $text]} "relocations are read-only"
    assert {[regexp {GNU_STACK\s.*\sRW\s} $text]} "the stack is not executable"
    set symbols [exec readelf --dyn-syms -W [server_program]]
    assert {[regexp {__stack_chk_fail} $symbols]} "canaries"
    assert {[regexp {__memcpy_chk|__vsnprintf_chk} $symbols]} "checked functions"
    assert {[regexp {__memset_chk} $symbols]} "checked as well where sizes are known at run time only"
    set file [open [server_program] rb]
    set bytes [read $file]
    close $file
    assert {[string first -ftrivial-auto-var-init=zero $bytes] >= 0} "no variable begins with what the stack held"
} {sluice}

test "The hash function has a key of its own in each process" {
    set orders {}
    for {set i 0} {$i < 2} {incr i} {
        start_server {} {
            for {set j 0} {$j < 200} {incr j} { r set key:$j 1; r sadd s m$j }
            lappend orders [list [r keys *] [r smembers s]]
        }
    }
    assert_equal [lsort [lindex $orders 0 0]] [lsort [lindex $orders 1 0]]
    assert_not_equal [lindex $orders 0 0] [lindex $orders 1 0]
    assert_not_equal [lindex $orders 0 1] [lindex $orders 1 1]
}

start_server {} {
    test "SORT is not quadratic for any order" {
        # Its square would take longer than the client waits.
        set n 100000
        foreach shape {same up down organ saw} {
            set words {}
            for {set i 0} {$i < $n} {incr i} {
                lappend words [switch $shape {
                    same { expr {7} } up { expr {$i} } down { expr {$n - $i} }
                    organ { expr {$i < $n / 2 ? $i : $n - $i} } saw { expr {$i % 3} }
                }]
            }
            r del l
            r rpush l {*}$words
            assert_equal $n [r sort l store out] $shape
            assert_equal $n [r sort l alpha store out] $shape
        }
        r flushall
    }

    test "redis#14645: passwords are not in the slow log, not with monitors, not in the log" {
        r config set slowlog-log-slower-than 0
        set m [redis_client]
        $m monitor
        foreach command {{auth tops3cret} {auth default tops3cret} {hello 3 auth default tops3cret setname x}
            {hello 2 auth nobody tops3cret} {config set masterauth tops3cret} {config set requirepass tops3cret}
            {config set requirepass {}} {config set masterauth {}} {hello 2}} {
            catch {r {*}$command}
        }
        r echo end-of-test
        set seen ""
        while {![string match *end-of-test* $seen]} { append seen [$m read] \n }
        $m close
        assert_no_match *tops3cret* $seen
        assert_no_match *tops3cret* [r slowlog get -1]
        assert_no_match *tops3cret* [r client list]
        assert_no_match *tops3cret* [read_file [srv log]]
    }
}
