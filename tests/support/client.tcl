# A RESP2/RESP3 client. `resp::connect` returns a command:
#
#   $c get key           sends and returns the reply; an error reply is raised
#   $c read / $c raw     reads one reply: as a value, or as the exact bytes of the wire
#   $c write BYTES       sends bytes as they are (write_some: without waiting for them to be taken)
#   $c send CMD ...      sends a command, reads nothing (what a deferring client does by itself)
#   $c eof               waits for the server to close: 1, or 0 when it answered with bytes
#   $c channel, $c close, $c timeout MS, $c attributes
#
# Channels are non-blocking, each wait has a deadline, so a server that hangs fails one test, not the run.
# Nulls read as {}, doubles and big numbers as their text, booleans as 1 and 0, maps as flat lists.

namespace eval resp {
    variable next 0
    variable default_timeout 20000
    variable fd
    variable deferred
    variable timeout
    variable raw_bytes
    variable attributes
    array set attributes {}
}

# Options: -host -port -unix PATH -tls 0|1 -tls_options LIST -deferred 0|1 -timeout MS -source ADDRESS
proc resp::connect {args} {
    variable next
    variable fd
    variable deferred
    variable timeout
    variable default_timeout
    array set o [list -host 127.0.0.1 -port 0 -unix "" -tls 0 -tls_options {} -deferred 0 \
        -timeout $default_timeout -source ""]
    array set o $args
    if {$o(-unix) ne ""} {
        set channel [open_unix $o(-unix)]
    } else {
        set source [expr {$o(-source) ne "" ? [list -myaddr $o(-source)] : {}}]
        set channel [socket {*}$source $o(-host) $o(-port)]
    }
    set id [incr next]
    set timeout($id) $o(-timeout)
    fconfigure $channel -blocking 0 -translation binary -buffering full -buffersize 65536
    if {$o(-tls)} {
        if {[catch {start_tls $channel $o(-tls_options) $o(-timeout)} message]} {
            catch {close $channel}
            error $message
        }
    }
    set fd($id) $channel
    set deferred($id) $o(-deferred)
    interp alias {} ::resp::client.$id {} ::resp::dispatch $id
    return ::resp::client.$id
}

# Tcl has no unix sockets: a relay of a few lines of Perl (part of every Debian) has.
proc resp::open_unix {path} {
    set relay [file join $::root tests support unix-relay.pl]
    return [open |[list perl $relay $path] r+]
}

proc resp::start_tls {channel options timeout} {
    package require tls
    # tcl-tls reads the system's whole bundle for each connection, unless it is told of a smaller one.
    set ::env(SSL_CERT_FILE) [certificate ca.crt]
    set ::env(SSL_CERT_DIR) /nonexistent
    tls::import $channel -command ::resp::tls_event {*}$options
    fconfigure $channel -blocking 0 -translation binary -buffering full -buffersize 65536
    set deadline [expr {[clock milliseconds] + $timeout}]
    while 1 {
        if {[catch {tls::handshake $channel} result opts]} {
            if {[lindex [dict get $opts -errorcode] 1] ne "EAGAIN"} {
                error "TLS handshake failed: $result"
            }
        } elseif {$result} {
            return
        }
        if {[clock milliseconds] > $deadline} { error "timeout in the TLS handshake" }
        pause_ms 1
    }
}

proc resp::tls_event {option args} {
    if {$option eq "verify"} { return [lindex $args 3] }
    return
}

proc resp::pause_ms {ms} {
    variable tick
    after $ms {set ::resp::tick 1}
    vwait ::resp::tick
}

proc resp::dispatch {id method args} {
    variable fd
    variable deferred
    variable timeout
    variable attributes
    switch -- $method {
        read { return [read_reply $id] }
        raw { return [read_raw $id] }
        write { write_bytes $id [lindex $args 0]; return }
        write_some { puts -nonewline $fd($id) [lindex $args 0]; catch {flush $fd($id)}; return }
        send { send_command $id $args; return }
        flush { flush_bytes $id; return }
        eof { return [wait_eof $id] }
        read_bytes { return [read_exactly $id [lindex $args 0]] }
        read_available { return [read $fd($id)] }
        channel { return $fd($id) }
        timeout { set timeout($id) [lindex $args 0]; return }
        attributes { return [expr {[info exists attributes($id)] ? $attributes($id) : {}}] }
        close { disconnect $id; return }
        deferred { set deferred($id) [lindex $args 0]; return }
    }
    send_command $id [linsert $args 0 $method]
    if {$deferred($id)} { return }
    return [read_reply $id]
}

proc resp::disconnect {id} {
    variable fd
    # Tcl keeps a channel open in the background until its output is gone: make room for that.
    set deadline [expr {[clock milliseconds] + 2000}]
    catch {
        while {[chan pending output $fd($id)] > 0 && [clock milliseconds] < $deadline} {
            if {[read $fd($id)] eq ""} { pause_ms 1 }
            flush $fd($id)
        }
    }
    catch {close $fd($id)}
    unset -nocomplain fd($id)
    catch {interp alias {} ::resp::client.$id {}}
}

# -- sending --

proc resp::encode {words} {
    set out "*[llength $words]\r\n"
    foreach word $words {
        append out "$[string length $word]\r\n" $word "\r\n"
    }
    return $out
}

proc resp::send_command {id words} {
    write_bytes $id [encode $words]
}

proc resp::write_bytes {id bytes} {
    variable fd
    puts -nonewline $fd($id) $bytes
    flush $fd($id)
    if {[chan pending output $fd($id)] > 0} { flush_bytes $id }
}

# Waits until the kernel took all bytes. What the server sends meanwhile stays in the socket, so a
# test that writes more than both ends buffer must read as well: see write_some.
proc resp::flush_bytes {id} {
    variable fd
    variable timeout
    set deadline [expr {[clock milliseconds] + $timeout($id)}]
    while {[chan pending output $fd($id)] > 0} {
        if {[clock milliseconds] > $deadline} { error "timeout: the server does not read" }
        pause_ms 1
        flush $fd($id)
    }
}

# -- reading --

proc resp::wait_readable {id deadline} {
    variable fd
    variable ready
    set left [expr {$deadline - [clock milliseconds]}]
    if {$left <= 0} { error "timeout: no reply from the server" }
    set ready($id) 0
    set timer [after $left [list set ::resp::ready($id) -1]]
    fileevent $fd($id) readable [list set ::resp::ready($id) 1]
    vwait ::resp::ready($id)
    after cancel $timer
    if {[info exists fd($id)]} { fileevent $fd($id) readable {} }
    if {$ready($id) < 0} { error "timeout: no reply from the server" }
}

proc resp::deadline {id} {
    variable timeout
    return [expr {[clock milliseconds] + $timeout($id)}]
}

proc resp::read_line {id} {
    variable fd
    variable raw_bytes
    set deadline [deadline $id]
    while {[gets $fd($id) line] < 0} {
        if {[eof $fd($id)]} { error "I/O error: the server closed the connection" }
        wait_readable $id $deadline
    }
    if {[info exists raw_bytes]} { append raw_bytes $line \n }
    if {[string index $line end] ne "\r"} { error "protocol error: line without CR: $line" }
    return [string range $line 0 end-1]
}

proc resp::read_exactly {id size} {
    variable fd
    variable raw_bytes
    set deadline [deadline $id]
    set parts {}
    set left $size
    while {$left > 0} {
        set part [read $fd($id) $left]
        if {$part eq ""} {
            if {[eof $fd($id)]} { error "I/O error: the server closed the connection" }
            wait_readable $id $deadline
        } else {
            lappend parts $part
            incr left -[string length $part]
            set deadline [deadline $id]
        }
    }
    set bytes [join $parts ""]
    if {[info exists raw_bytes]} { append raw_bytes $bytes }
    return $bytes
}

proc resp::read_raw {id} {
    variable raw_bytes
    set raw_bytes ""
    set status [catch {parse $id} value]
    set bytes $raw_bytes
    unset raw_bytes
    if {$status && [string index $bytes 0] ni {- !}} { error $value }
    return $bytes
}

proc resp::read_reply {id} {
    set value [parse $id]
    if {[lindex $value 0] eq "error"} {
        return -code error -errorcode [list REDIS [lindex $value 1]] [lindex $value 1]
    }
    return [lindex $value 1]
}

# {kind value}, kind is error or value. Errors inside aggregates are values of their own.
proc resp::parse {id} {
    variable attributes
    set line [read_line $id]
    set rest [string range $line 1 end]
    switch -- [string index $line 0] {
        + - : - , - ( { return [list value $rest] }
        - { return [list error $rest] }
        ! { return [list error [read_bulk $id $rest]] }
        $ { return [list value [read_bulk $id $rest]] }
        = { return [list value [string range [read_bulk $id $rest] 4 end]] }
        _ { return [list value {}] }
        # { return [list value [expr {$rest eq "t"}]] }
        * - ~ - > { return [list value [read_items $id $rest]] }
        % { return [list value [read_items $id [expr {$rest * 2}]]] }
        | {
            set attributes($id) [read_items $id [expr {$rest * 2}]]
            return [parse $id]
        }
        default { error "protocol error: reply starts with [string range $line 0 60]" }
    }
}

proc resp::read_bulk {id size} {
    if {$size < 0} { return {} }
    set bytes [read_exactly $id $size]
    if {[read_exactly $id 2] ne "\r\n"} { error "protocol error: bulk without CRLF" }
    return $bytes
}

proc resp::read_items {id count} {
    set items {}
    for {set i 0} {$i < $count} {incr i} {
        lappend items [lindex [parse $id] 1]
    }
    return $items
}

# 1 when the server closed (or reset) the connection; 0 when bytes came first, or nothing in time.
proc resp::wait_eof {id} {
    variable fd
    set deadline [deadline $id]
    while 1 {
        if {[catch {read $fd($id)} bytes]} { return 1 }
        if {$bytes ne ""} { return 0 }
        if {[eof $fd($id)]} { return 1 }
        if {[catch {wait_readable $id $deadline}]} { return 0 }
    }
}
