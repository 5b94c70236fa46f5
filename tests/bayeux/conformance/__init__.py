"""What Bayeux servers answer: the same requests to our stand-in, to cometd-nodejs-server and to faye.

Each row says what is sent, in code, and what each server answers, as data. The tests ask the servers; the table in
`docs/bayeux.md` is written from the same rows: `python -m tests.bayeux.conformance`.
"""
