# redis-cli's formats, against a server that answers with prepared bytes.

file_needs cli plain
source [file join $root tests support cli.tcl]

# What redis-cli prints for a reply.
proc printed {reply args} {
    set port [canned_server [list $reply]]
    return [dict get [cli_words [list -p $port {*}$args x]] out]
}

set nested "*3\r\n:1\r\n*2\r\n\$1\r\na\r\n*0\r\n\$-1\r\n"
set map "%2\r\n\$1\r\na\r\n:1\r\n\$1\r\nb\r\n*2\r\n#t\r\n,1.5\r\n"

test "cli format: simple replies for people" {
    foreach {reply text} {
        "+OK\r\n" "OK\n"
        "-ERR no\r\n" "(error) ERR no\n"
        ":-5\r\n" "(integer) -5\n"
        "$3\r\na\"b\r\n" "\"a\\\"b\"\n"
        "$2\r\n\r\n\r\n" "\"\\r\\n\"\n"
        "$-1\r\n" "(nil)\n"
        "*-1\r\n" "(nil)\n"
        "_\r\n" "(nil)\n"
        ",1.5\r\n" "(double) 1.5\n"
        ",inf\r\n" "(double) inf\n"
        "#t\r\n" "(true)\n"
        "#f\r\n" "(false)\n"
        "=7\r\ntxt:a\nb\r\n" "a\nb\n"
        "*0\r\n" "(empty array)\n"
        "%0\r\n" "(empty hash)\n"
        "~0\r\n" "(empty set)\n"
    } {
        assert_equal $text [printed $reply --no-raw] $reply
    }
}

test "cli format: nesting for people" {
    assert_equal "1) (integer) 1\n2) 1) \"a\"\n   2) (empty array)\n3) (nil)\n" [printed $nested --no-raw]
    assert_equal "1# \"a\" => (integer) 1\n2# \"b\" => \n   1) (true)\n   2) (double) 1.5\n" [printed $map --no-raw]
    assert_equal "1# \"a\" => 1) (integer) 1\n" [printed "%1\r\n\$1\r\na\r\n*1\r\n:1\r\n" --no-raw]
    assert_equal "1~ \"x\"\n" [printed "~1\r\n\$1\r\nx\r\n" --no-raw]
}

test "cli format: numbers are as wide as the last" {
    set reply "*10\r\n[string repeat ":7\r\n" 9]*2\r\n:1\r\n:2\r\n"
    set lines [split [printed $reply --no-raw] \n]
    assert_equal " 1) (integer) 7" [lindex $lines 0]
    assert_equal "10) 1) (integer) 1" [lindex $lines 9]
    assert_equal "    2) (integer) 2" [lindex $lines 10]
}

test "cli format: raw" {
    assert_equal "a\nb\n" [printed "*2\r\n\$1\r\na\r\n\$1\r\nb\r\n"]
    assert_equal "\n" [printed "\$-1\r\n"]
    assert_equal "ERR no\n\n" [printed "-ERR no\r\n"]
    assert_equal "a 1\nb (true)\n1.5\n" [printed $map --raw -2]
    assert_equal "a,b;" [printed "*2\r\n\$1\r\na\r\n\$1\r\nb\r\n" -d , -D \;]
}

test "cli format: CSV" {
    assert_equal "1,\"a\",,NULL\n" [printed $nested --csv]
    assert_equal "\"a\",1,\"b\",true,1.5\n" [printed $map --csv]
    assert_equal "ERROR,\"ERR no\"\n" [printed "-ERR no\r\n" --csv]
}

test "cli format: JSON" {
    assert_equal "\[1,\[\"a\",\[\]\],null\]\n" [printed $nested -2 --json]
    assert_equal "{\"a\":1,\"b\":\[true,1.5\]}\n" [printed $map -2 --json]
    assert_equal "{\"1\":\"x\"}\n" [printed "%1\r\n:1\r\n+x\r\n" -2 --json]
    assert_equal "\"\\\"\\\\\\n\\u0001\xc3\xa9\"\n" [printed "\$6\r\n\"\\\n\x01\xc3\xa9\r\n" -2 --json]
    assert_equal "\"\\\\xc3\\\\xa9\"\n" [printed "\$2\r\n\xc3\xa9\r\n" -2 --quoted-json]
}

test "cli format: attributes are left out, pushes printed when asked for" {
    set push ">2\r\n\$10\r\ninvalidate\r\n*1\r\n\$1\r\nk\r\n"
    assert_equal "OK\n" [printed "|1\r\n+a\r\n:1\r\n+OK\r\n"]
    assert_equal "OK\n" [printed "${push}+OK\r\n"]
    assert_equal "-> invalidate: 'k'\nOK\n" [printed "${push}+OK\r\n" --no-raw --show-pushes yes]
}

# Sends what is missing a while after the first piece has gone.
proc send_the_rest {} {
    if {$::canned_input eq ""} {
        after 20 send_the_rest
        return
    }
    after 50 {
        foreach channel [array names ::canned_replies] { catch {puts -nonewline $channel "c\r\n:5\r\n"} }
    }
}

test "cli format: a reply in pieces" {
    set port [canned_server [list "*2\r\n\$3\r\nab"]]
    send_the_rest
    assert_equal "abc\n5\n" [dict get [cli_words [list -p $port x]] out]
}

test "cli: a server that closes, and one that talks nonsense" {
    set result [cli_words [list -p [canned_server close] ping]]
    assert_equal 1 [dict get $result code]
    assert_match "Error: Server closed the connection*" [dict get $result err]
    set result [cli_words [list -p [canned_server {"hello\r\n"}] ping]]
    assert_equal 1 [dict get $result code]
    assert_match "Error: Protocol error*" [dict get $result err]
    set result [cli_words [list -p [canned_server {"hello\r\n"}] --stat]]
    assert_equal 1 [dict get $result code]
    assert_match "Error: Protocol error*" [dict get $result err]
}

test "CVE-2021-32762: cli: replies that announce more than there is" {
    foreach reply {"*2147483647\r\n\$1\r\na" "*4611686018427387905\r\n" "\$9223372036854775807\r\nx" "%2147483648\r\n"
        "~-9\r\n" "*1000000000\r\n*1000000000\r\n*1000000000\r\n" ">1152921504606846977\r\n"} {
        set result [cli_words [list -p [canned_server [list $reply close]] ping]]
        assert_equal 1 [dict get $result code] $reply
        assert_match "Error: *" [dict get $result err] $reply
    }
}

test "cli: what a server did not answer is not sent again, a transaction does not go on elsewhere" {
    set lost "Error: Server closed the connection"
    set result [cli_words [list -p [canned_server {close}]] "incr a\n"]
    assert_equal "*2\r\n\$4\r\nincr\r\n\$1\r\na\r\n" $::canned_input
    assert_match "$lost*" [dict get $result err]
    assert_equal 1 [dict get $result code]
    foreach begin {multi "watch a"} {
        set result [cli_words [list -p [canned_server {"+OK\r\n" close "+late\r\n"}]] "$begin\nset b 1\nset c 1\n"]
        assert_equal 1 [regexp -all {set} $::canned_input] $begin
        assert_match "$lost*" [dict get $result err]
        set result [cli_words [list -p [canned_server {"+OK\r\n-gone\r\n" close}]] "$begin\nset b 1\n"]
        assert_equal 1 [regexp -all {set} $::canned_input] $begin
    }
}

test "cli: login is said in order, and its refusal printed" {
    set port [canned_server {"+OK\r\n" "+OK\r\n" "%0\r\n" "+PONG\r\n"}]
    set result [cli_words [list -p $port --user u -a p --no-auth-warning -n 3 -3 ping]]
    assert_equal "PONG\n" [dict get $result out]
    assert_equal [string map {\n \r\n} "*3\n\$4\nAUTH\n\$1\nu\n\$1\np\n*2\n\$6\nSELECT\n\$1\n3\n*2\n\$5\nHELLO\n\$1\n3\n*1\n\$4\nping\n"] \
        $::canned_input
    set port [canned_server {"-WRONGPASS no\r\n" "-NOAUTH no\r\n"}]
    set result [cli_words [list -p $port -a p ping]]
    assert_equal "Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.\nAUTH failed: WRONGPASS no\n" \
        [dict get $result err]
    assert_equal 1 [dict get $result code]
    set reason "NOAUTH [string repeat "long " 60]"
    set result [cli_words [list -p [canned_server [list "-$reason\r\n"]] -3 ping]]
    assert_equal "HELLO 3 failed: $reason\n" [dict get $result err]
}

test "cli --eval sends EVAL, the script and what follows it" {
    set script [file join $work_dir script.lua]
    write_file $script "return 1\n"
    foreach {words expected} {
        {k1 k2 , a} "*6|$4|EVAL|$9|return 1\n|$1|2|$2|k1|$2|k2|$1|a|"
        {} "*3|$4|EVAL|$9|return 1\n|$1|0|"
        {, a} "*4|$4|EVAL|$9|return 1\n|$1|0|$1|a|"
        {k} "*4|$4|EVAL|$9|return 1\n|$1|1|$1|k|"
        {k ,} "*4|$4|EVAL|$9|return 1\n|$1|1|$1|k|"
    } {
        set result [cli_words [concat [list -p [canned_server [list "*2\r\n:1\r\n:2\r\n"]] --eval $script] $words]]
        assert_equal [string map {| \r\n} $expected] $::canned_input
        assert_equal "1\n2\n" [dict get $result out]
    }
    set result [cli_words [list -p [canned_server [list "-ERR bad\r\n"]] --eval $script]]
    assert_equal [list 1 "ERR bad\n\n"] [list [dict get $result code] [dict get $result out]]
}

test "cli: -c follows redirections" {
    set there [canned_server {"+OK\r\n" "\$1\r\nv\r\n"}]
    set here [canned_server [list "-ASK 1 127.0.0.1:$there\r\n"]]
    assert_equal "v\n" [dict get [cli_words [list -p $here -c get x]] out]
    assert_match "*ASKING*get*" $::canned_input
    set there [canned_server {"\$1\r\nw\r\n"}]
    set here [canned_server [list "-MOVED 1 127.0.0.1:$there\r\n"]]
    assert_equal "w\n" [dict get [cli_words [list -p $here -c get x]] out]
    assert_match "MOVED*" [dict get [cli_words [list -p $here get x]] out]
}

test "cli --pipe gives up after --pipe-timeout" {
    set result [cli_words [list -p [canned_server {"+OK\r\n"}] --pipe --pipe-timeout 1] "PING\r\n"]
    assert_equal 1 [dict get $result code]
    assert_match "*No replies for 1 seconds: exiting.*" [dict get $result err]
    assert_match "*errors: 1, replies: 1*" [dict get $result out]
}
