# Numbers and sizes at the ends of their ranges. Tests are named after the advisories.

set ends {9223372036854775807 -9223372036854775808 4611686018427387904 -4611686018427387904 4294967296 4294967295
    2147483648 -2147483649 18446744073709551615 9223372036854775808 -1 0}

start_server {} {
    test "CVE-2021-21309, CVE-2021-32627: the largest proto-max-bulk-len" {
        r config set proto-max-bulk-len 9223372036854775807 client-query-buffer-limit 9223372036854775807
        foreach command {{set k v} {append k v} {rpush l v} {hset h f v} {sadd s v} {zadd z 1 v}} {
            set c [redis_client]
            set head "*[llength $command]\r\n"
            foreach word [lrange $command 0 end-1] { append head "\$[string length $word]\r\n$word\r\n" }
            $c write "${head}\$9223372036854775806\r\nxx"
            assert_equal "-ERR Protocol error: no memory for a bulk of this length\r\n" [$c raw]
            assert_equal 1 [$c eof]
            $c close
        }
        assert_error "ERR string exceeds maximum allowed size*" {r setrange k 9223372036854775807 x}
        assert {[s used_memory] < 100000000}
        r config set proto-max-bulk-len 512mb client-query-buffer-limit 1gb
    } {sluice}

    test "CVE-2021-32628, CVE-2021-32687: packed values with thresholds that are too large" {
        set names {hash-max-listpack-entries hash-max-listpack-value set-max-listpack-entries set-max-listpack-value
            zset-max-listpack-entries zset-max-listpack-value set-max-intset-entries}
        foreach name $names {
            foreach value {9223372036854775807 4294967296 18446744073709551615} { catch {r config set $name $value} }
        }
        catch {r config set list-max-listpack-size 2147483647}
        set big [string repeat x 3000000]
        for {set i 0} {$i < 4} {incr i} {
            r hset h f$i $big$i
            r sadd s $big$i
            r zadd z $i $big$i
            r rpush l $big$i
        }
        for {set i 0} {$i < 40000} {incr i 1000} {
            set words {}
            for {set j $i} {$j < $i + 1000} {incr j} { lappend words [expr {$j * 3}] }
            r sadd numbers {*}$words
        }
        assert_equal {4 4 4 4 40000} [list [r hlen h] [r scard s] [r zcard z] [r llen l] [r scard numbers]]
        assert_equal ${big}3 [r hget h f3]
        assert_equal {1 0} [list [r sismember s ${big}2] [r sismember s $big]]
        assert_equal 2 [r zrank z ${big}2]
        assert_equal ${big}1 [r lindex l 1]
        assert_equal 1 [r sismember numbers 117000]
        r flushall
        foreach name $names { r config set $name 128 }
        r config set list-max-listpack-size -2
    }

    test "CVE-2021-29478: COPY of a set of integers of each width" {
        foreach edge {1 40000 3000000000} {
            r del s t
            for {set i 0} {$i < 100} {incr i} { r sadd s [expr {$edge + $i}] }
            assert_equal 1 [r copy s t]
            r sadd s 9223372036854775807
            assert_equal {101 100} [list [r scard s] [r scard t]]
            assert_equal [lsort [r smembers s]] [lsort [concat [r smembers t] 9223372036854775807]]
        }
    }

    test "CVE-2023-22458, CVE-2023-25155: HRANDFIELD, ZRANDMEMBER and SRANDMEMBER COUNT at the ends" {
        r hset h a 1 b 2
        r zadd z 1 a 2 b
        r sadd q a b
        foreach count {-9223372036854775808 -9223372036854775807 -4611686018427387905} {
            foreach command [list [list hrandfield h $count] [list hrandfield h $count withvalues] \
                [list zrandmember z $count] [list zrandmember z $count withscores] [list srandmember q $count]] {
                assert_error "ERR value is out of range*" {r {*}$command}
            }
        }
        foreach command {{hrandfield h 9223372036854775807} {zrandmember z 9223372036854775807}
            {srandmember q 9223372036854775807}} {
            assert_equal {a b} [lsort [r {*}$command]]
        }
        assert_error "ERR value is out of range*" {r hrandfield h 9223372036854775807 withvalues}
        assert_error "ERR value is out of range*" {r zrandmember z 9223372036854775807 withscores}
        r del h z q
    }

    test "CVE-2023-28856: HINCRBYFLOAT makes no field that cannot be read" {
        r hset h f 1
        foreach step {inf -inf nan +inf 1e5000} {
            catch {r hincrbyfloat h f $step} message
            assert_match "ERR *" $message
        }
        assert_equal 1 [r hget h f]
        assert_error "ERR*" {r hincrbyfloat new f nan}
        assert_equal 0 [r exists new]
        assert_error "ERR*" {r incrbyfloat string inf}
        assert_equal 0 [r exists string]
        r zadd z inf a
        assert_error "ERR resulting score is not a number (NaN)" {r zincrby z -inf a}
        assert_equal inf [r zscore z a]
        r del h z
    }

    test "redis#15021: counts of fields that overflow" {
        r hset h a 1 b 2
        foreach count $ends {
            foreach command [list \
                [list hexpire h 100 fields $count a] [list hpexpire h 100 fields $count a] \
                [list hexpireat h 9999999999 fields $count a] [list hpersist h fields $count a] \
                [list httl h fields $count a] [list hpexpiretime h fields $count a]] {
                assert_error "ERR*" {r {*}$command}
            }
        }
        assert_equal {-1 -1} [r httl h fields 2 a b]
    } {redis8}

    test "HGETEX, HSETEX and HGETDEL: counts of fields that overflow" {
        foreach count $ends {
            foreach command [list [list hgetex h fields $count a] [list hgetex h ex 10 fields $count a b] \
                [list hgetdel h fields $count a] [list hsetex h fields $count a 3] \
                [list hsetex h ex 10 fields $count a 3 b 4] [list hgetex h fields $count] ] {
                assert_error "ERR*" {r {*}$command}
            }
        }
        assert_equal {a 1 b 2} [r hgetall h]
        r del h
    } {redis8}

    test "redis#15407: LSET, LINDEX, LRANGE, LTRIM, LREM and LPOS beyond 32 bits" {
        r rpush l a b c
        foreach index {4294967296 4294967297 -4294967297 8589934593 9223372036854775807 -9223372036854775808} {
            assert_error "ERR index out of range" {r lset l $index x}
            assert_equal "" [r lindex l $index]
        }
        assert_equal {a b c} [r lrange l -9223372036854775808 9223372036854775807]
        assert_equal {} [r lrange l 4294967296 4294967298]
        assert_equal {a b c} [r lrange l -4294967298 4294967298]
        assert_equal 1 [r lrem l 4294967297 c]
        assert_equal 1 [r lrem l -9223372036854775807 b]
        r rpush l b c
        assert_equal {1} [r lpos l b rank 1 count 4294967297 maxlen 9223372036854775807]
        assert_error "ERR*" {r lpos l b rank -9223372036854775808}
        assert_equal "" [r lpos l b rank 4294967297]
        assert_equal OK [r ltrim l 0 4294967297]
        assert_equal {a b c} [r lrange l 0 -1]
        assert_equal OK [r ltrim l 4294967296 -1]
        assert_equal 0 [r exists l]
    }

    test "redis#15392: counts of pops and draws at the ends" {
        foreach count $ends {
            r del l s z
            r rpush l a b
            r sadd s a b
            r zadd z 1 a 2 b
            foreach command [list [list lpop l $count] [list rpop l $count] [list spop s $count] \
                [list zpopmin z $count] [list zpopmax z $count] [list lmpop 1 l left count $count] \
                [list zmpop 1 z min count $count] [list lmpop $count l left] [list zmpop $count z min] \
                [list sintercard $count s] [list zintercard $count z] [list zunion $count z] \
                [list sintercard 1 s limit $count] [list zdiffstore d $count z] \
                [list blmpop 0.01 $count l left] [list bzmpop 0.01 $count z min]] {
                catch {r {*}$command} reply
                assert {[string match ERR* $reply] || [string length $reply] < 40} $command
            }
        }
        assert_equal PONG [r ping]
    }

    test "redis#14982: COUNT of SCAN, HSCAN, SSCAN and ZSCAN at the ends" {
        r flushall
        for {set i 0} {$i < 300} {incr i} {
            r hset h f$i 1
            r sadd s m$i
            r zadd z $i m$i
            r set k$i 1
        }
        foreach count {9223372036854775807 4611686018427387904 922337203685477581 4294967297 2147483648} {
            assert_equal 0 [lindex [r scan 0 count $count] 0]
            assert_equal 600 [llength [lindex [r hscan h 0 count $count] 1]]
            assert_equal 300 [llength [lindex [r sscan s 0 count $count] 1]]
            assert_equal 600 [llength [lindex [r zscan z 0 count $count] 1]]
        }
        foreach count {0 -1 -9223372036854775808 9223372036854775808} {
            foreach command [list [list scan 0 count $count] [list hscan h 0 count $count] \
                [list sscan s 0 count $count] [list zscan z 0 count $count]] {
                assert_error "ERR*" {r {*}$command}
            }
        }
        foreach cursor {9223372036854775808 18446744073709551615 18446744073709551616 -1} {
            catch {r scan $cursor}
            catch {r hscan h $cursor}
            catch {r sscan s $cursor}
            catch {r zscan z $cursor}
        }
        assert_error "ERR invalid cursor" {r scan 18446744073709551616}
        assert_equal PONG [r ping]
    }

    test "Ranges of strings, bits and sorted sets at the ends" {
        r set k abc
        r del z
        r zadd z 1 a
        foreach a $ends {
            foreach b $ends {
                foreach command [list [list getrange k $a $b] [list bitcount k $a $b] [list bitcount k $a $b bit] \
                    [list bitpos k 1 $a $b] [list bitpos k 0 $a $b bit] [list zrange none $a $b] \
                    [list zremrangebyrank none $a $b] [list zrevrange none $a $b] \
                    [list zrangebyscore z -inf +inf limit $a $b] [list zrange z 0 1 byscore limit $a $b]] {
                    catch {r {*}$command} reply
                    assert {[string match ERR* $reply] || [string length $reply] < 300} $command
                }
            }
        }
        assert_equal {abc abc} [list [r getrange k -9223372036854775808 9223372036854775807] [r get k]]
        assert_equal 10 [r bitcount k -9223372036854775808 9223372036854775807]
    }

    test "Times and numbers of databases at the ends" {
        foreach n $ends {
            foreach command [list [list expire k $n] [list pexpire k $n] [list expireat k $n] [list pexpireat k $n] \
                [list set k v ex $n] [list set k v px $n] [list set k v exat $n] [list getex k ex $n] \
                [list setex k $n v] [list psetex k $n v] [list restore x $n abc] [list select $n] [list move k $n] \
                [list copy k t db $n] [list swapdb 0 $n] [list swapdb $n $n] \
                [list hexpire h $n fields 1 f1] [list hpexpireat h $n fields 1 f2] [list wait -1 $n] \
                [list client kill maxage $n] [list client kill id $n] [list client list id $n] \
                [list client unblock $n] [list client tracking on redirect $n] [list slowlog get $n] \
                [list object help $n] [list latency history $n] [list lolwut version $n] \
                [list memory usage s samples $n] [list bitfield k incrby i64 0 $n]] {
                catch {r {*}$command}
            }
            if {[catch {r select 0}]} { reconnect }
        }
        assert_equal PONG [r ping]
        r client tracking off
        r flushall
    }

    test "Geo: radius, box and count at the ends" {
        r geoadd g 1 1 a 179.99999 85 b -180 -85.05112878 c
        foreach n {9223372036854775807 -9223372036854775808 1e308 -1e308 inf -inf nan 1e-320 0} {
            foreach command [list [list geosearch g fromlonlat 1 1 byradius $n km] \
                [list geosearch g fromlonlat 180 85.05112878 bybox $n $n km] \
                [list geosearch g frommember c byradius 20000 km count $n any] \
                [list georadius g -180 85 $n m] [list geoadd g $n $n x] [list geosearch g fromlonlat $n $n byradius 1 km]] {
                catch {r {*}$command}
            }
        }
        r zrem g x
        assert_equal 3 [llength [r geosearch g fromlonlat 1 1 byradius 1e308 km]]
        r del g
    }

    test "LCS: lengths and MINMATCHLEN at the ends" {
        r mset a ohmytext b mynewtext
        foreach n $ends { catch {r lcs a b idx minmatchlen $n withmatchlen} }
        assert_equal {matches {} len 6} [r lcs a b idx minmatchlen 9223372036854775807]
        r del a b
    }

    test "Options of memory and of numbers at the ends" {
        set safe [r config get *]
        foreach name {maxmemory maxmemory-clients client-query-buffer-limit slowlog-max-len tracking-table-max-keys
            latency-monitor-threshold active-expire-effort list-max-listpack-size list-compress-depth hz
            hll-sparse-max-bytes lfu-decay-time lfu-log-factor maxmemory-samples timeout
            tcp-keepalive maxclients slowlog-log-slower-than proto-max-bulk-len client-output-buffer-limit} {
            foreach n [concat $ends 1e10 0x7fffffffffffffff 99999999999gb "-5mb" "" " "] {
                if {$name eq "client-output-buffer-limit"} {
                    catch {r config set $name "normal $n $n $n"}
                    catch {r config set $name "pubsub $n $n $n"}
                } elseif {$name ne "maxclients"} {
                    catch {r config set $name $n}
                }
                catch {r config set maxclients $n-}
            }
            catch {r config set $name [dict get $safe $name]}
        }
        wait_until PONG 10 {catch {reconnect 0}; r ping}
    }
}
