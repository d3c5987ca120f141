"""`camrelay doctor`: what stands between a client and a server, looked at from the client's side.

`rules` judge and touch nothing; the modules beside them speak on the wire and judge nothing;
`facts` is what they hand over.
"""
