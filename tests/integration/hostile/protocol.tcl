# Hostile bytes before and after authentication; each test is named after what broke a server once.

start_server {} {
    test "CVE-2026-27623: an empty request followed by PING" {
        foreach bytes [list "*0\r\nPING\r\n" "*0\r\n*1\r\n\$4\r\nPING\r\n" "*-1\r\n\r\n*0\r\nPING\r\n" \
            "\r\n*0\r\n\r\n*0\r\nPING\r\n"] {
            set c [redis_client]
            $c write $bytes
            assert_equal "+PONG\r\n" [$c raw]
            $c close
        }
    }

    test "CVE-2025-48367: errors of accepted connections do not stop accepting" {
        # Reset before accept: the server's accept or first read fails.
        for {set i 0} {$i < 100} {incr i} {
            set s [socket -async 127.0.0.1 [srv port]]
            close $s
        }
        assert_equal PONG [r ping]
        set c [redis_client]
        assert_equal PONG [$c ping]
        $c close
    }

    test "valkey#2872: line ends are CRLF, nothing else" {
        foreach bytes [list "*1\n\$4\nPING\n" "*1\r\n\$4\r\nPINGxx*1\r\n\$4\r\nPING\r\n"] {
            set c [redis_client -timeout 2000]
            $c write $bytes
            catch {$c raw}
            $c close
        }
        assert_equal PONG [r ping]
    }

    test "valkey#2872: a bulk that is not followed by CRLF is an error" {
        set c [redis_client]
        $c write "*1\r\n\$4\r\nPINGxx*1\r\n\$4\r\nPING\r\n"
        assert_match "-ERR Protocol error*" [$c raw]
        assert_equal 1 [$c eof]
        $c close
    } {sluice}

    test "CVE-2025-67733: line ends inside arguments do not make replies of their own" {
        set c [redis_deferring_client]
        foreach words [list [list "x\r\n+INJECTED\r\n"] [list client setname "a\r\n+INJECTED"] \
            [list get "k" "\r\n+INJECTED\r\n"] [list config set "a\r\n+INJECTED\r\n" 1] \
            [list object "\r\n+INJECTED\r\n" x] [list command info "\r\n+INJECTED\r\n"]] {
            $c {*}$words
            set raw [$c raw]
            if {[string index $raw 0] eq "-"} {
                assert_equal 1 [regexp -all {\r\n} $raw] $raw
                assert_equal 0 [regexp {\n[^$]} [string range $raw 0 end-2]] $raw
            }
        }
        $c ping last
        assert_equal last [$c read]
        $c close
    }

    test "redis#15640: a failing AUTH in a pipeline has one reply" {
        set c [redis_deferring_client]
        $c write "[resp::encode {ping 1}][resp::encode {auth nosuch wrong}][resp::encode {ping 2}]"
        assert_equal 1 [$c read]
        assert_error WRONGPASS* {$c read}
        assert_equal 2 [$c read]
        $c close
    }

    test "Random bytes never stop the server" {
        expr {srand(20260101)}
        for {set i 0} {$i < 300} {incr i} {
            set c [redis_client]
            set bytes [lindex [list "" "*" "\$" "*1\r\n\$" "*3\r\n\$3\r\nSET\r\n\$" "*-" "PING "] [expr {$i % 7}]]
            for {set j 0} {$j < 50} {incr j} { append bytes [format %c [expr {int(rand() * 256)}]] }
            catch {$c write $bytes; $c write "\r\n"; $c read_available}
            $c close
        }
        assert_equal PONG [r ping]
        wait_until 1 10 {s connected_clients}
    }

    test "Truncated and mutated requests never stop the server" {
        set requests [list [resp::encode {set key value ex 100}] [resp::encode {mget a b c d}] \
            [resp::encode {config get *}] [resp::encode {client list id 1 2 3}] [resp::encode {hello 3 auth a b setname c}]]
        for {set i 0} {$i < 400} {incr i} {
            set request [lindex $requests [expr {$i % 5}]]
            for {set j 0} {$j < 1 + $i % 3} {incr j} {
                set at [expr {int(rand() * [string length $request])}]
                set request [string replace $request $at $at [format %c [expr {int(rand() * 256)}]]]
            }
            set c [redis_client]
            catch {$c write $request; $c read_available}
            $c close
        }
        assert_equal PONG [r ping]
    }

    test "CVE-2022-36021: patterns that would take exponential time" {
        r set [string repeat a 100] 1
        set pattern "[string repeat {a*} 50]b"
        assert_equal {} [r keys $pattern]
        assert_equal {} [lindex [r scan 0 match $pattern count 1000] 1]
        assert_equal {} [r config get $pattern]
    }

    test "CVE-2024-31228: patterns that recurse deeply" {
        set pattern [string repeat * 100000]
        r keys $pattern
        r keys "[string repeat {*a} 50000]"
        r keys "[string repeat {[a} 50000]"
        r keys [string repeat \\ 99999]
        r scan 0 match [string repeat *? 50000]
        r config get [string repeat *a 10000]
        catch {r command list filterby pattern [string repeat *a 10000]}
        assert_equal PONG [r ping]
    }

    test "CVE-2024-31228, CVE-2022-36021: patterns of HSCAN, SSCAN, ZSCAN and SORT" {
        r hset h [string repeat a 200] 1
        r sadd s [string repeat a 200]
        r zadd z 1 [string repeat a 200]
        foreach pattern [list "[string repeat {a*} 60]b" [string repeat * 100000] "[string repeat {[a} 50000]" \
            "[string repeat {*a} 50000]" [string repeat \\ 99999] "[string repeat {a*?[a-z]} 60]\[^"] {
            foreach command {{hscan h} {sscan s} {zscan z}} { r {*}$command 0 match $pattern count 100 }
            r sort s alpha by $pattern get $pattern
        }
        r del h s z
    }

    test "redis#14982, dragonfly#4466: SCAN with extreme numbers" {
        foreach words {{scan 9223372036854775808} {scan 18446744073709551615 count 9223372036854775807}
            {scan 0 count 9223372036854775807} {scan 0 count 4294967296}} {
            catch {r {*}$words}
            assert_equal PONG [r ping]
        }
    }

    test "CVE-2021-41099, CVE-2022-35977: SETRANGE and APPEND beyond the largest string" {
        assert_error "ERR string exceeds maximum allowed size*" {r setrange k 536870912 x}
        assert_error "ERR string exceeds maximum allowed size*" {r setrange k 4294967295 x}
        assert_error "ERR string exceeds maximum allowed size*" {r setrange k 9223372036854775806 xx}
        assert_equal 0 [r exists k]
        r config set proto-max-bulk-len 1mb
        r set k [string repeat x 1048576]
        assert_error "ERR string exceeds maximum allowed size*" {r append k x}
        assert_error "ERR string exceeds maximum allowed size*" {r setrange k 1048576 x}
        r config set proto-max-bulk-len 512mb
        r del k
    }

    test "CVE-2021-29477, CVE-2021-32625: LCS of large strings" {
        r set a [string repeat ab 4000]
        r set b [string repeat ba 4000]
        r lcs a b len
        r lcs a b idx minmatchlen 100
        r set a [string repeat x 200000]
        r set b [string repeat y 200000]
        catch {r lcs a b} message
        assert_match "*" $message
        assert_equal PONG [r ping]
        r del a b
    } {command:lcs}

    test "CVE-2023-28425: MSETNX with repeated keys" {
        r del a b
        assert_equal 1 [r msetnx a 1 b 2 a 3 b 4]
        assert_equal {3 4} [r mget a b]
        assert_equal 0 [r msetnx c 1 a 2 c 3]
    }

    test "redis#15390: memory units that overflow" {
        foreach value {99999999999gb 18446744073709551615kb 9223372036854775807b -1 -5mb 1e10 0x10} {
            catch {r config set maxmemory $value}
        }
        r config set maxmemory 0
        assert_equal PONG [r ping]
    }

    test "redis#15390: a memory value that does not fit is refused" {
        assert_error "*" {r config set maxmemory 99999999999999gb}
        assert_error "*" {r config set maxmemory 18446744073709551616}
    } {sluice}

    test "CVE-2023-36824: COMMAND GETKEYS with odd arguments" {
        foreach words {{eval x 99999999 a} {eval x -1 a} {eval x abc} {migrate h p "" 0 1 keys}
            {sort k store} {zunionstore d 2147483647 a} {xread streams} {xread count 1 streams a b c}
            {georadius k 1 1 1 m store} {lmpop 99 a left} {set} {memory usage} {object freq}
            {sintercard 9223372036854775807 a} {blmpop 0 0 a left} {msetex 99999 a b}} {
            catch {r command getkeys {*}$words}
            catch {r command getkeysandflags {*}$words}
        }
        assert_equal PONG [r ping]
    }

    test "redis#14847: every command with too few and odd arguments" {
        set names [lmap entry [r command] { lindex $entry 0 }]
        foreach name $names {
            if {$name in {shutdown debug monitor subscribe psubscribe ssubscribe quit sync psync replicaof
                slaveof reset failover client config flushall swapdb replconf restore-asking}} { continue }
            set c [redis_client -timeout 4000]
            foreach words {{} {a} {a b} {a b c} {"" ""} {-1 -1 -1} {9223372036854775807 9223372036854775807}
                {a 1 b 2 c} {a b c d e f g h i j}} {
                set words [concat $name $words]
                if {[string match b* $name] && $name ni {bitcount bitop bitpos bitfield bitfield_ro bgsave bgrewriteaof}} { continue }
                if {$name in {wait waitaof xread xreadgroup}} { continue }
                catch {$c {*}$words}
            }
            $c close
        }
        assert_equal PONG [r ping]
    }
}
