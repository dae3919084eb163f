program app;

{$mode objfpc}{$H+}

uses
  Classes, SysUtils, fphttpclient;

var
  Http: TFPHTTPClient;

procedure Ask(const Variable, Expected: string);
var
  Answer: string;
begin
  Http.RequestBody := TStringStream.Create(GetEnvironmentVariable(Variable));
  try
    Answer := Http.Post(GetEnvironmentVariable('GRAPHQL_URL'));
  finally
    Http.RequestBody.Free;
    Http.RequestBody := nil;
  end;
  if Pos(Expected, Answer) = 0 then
    raise Exception.Create(Answer);
end;

begin
  Http := TFPHTTPClient.Create(nil);
  Http.KeepConnection := True;
  Http.AddHeader('Content-Type', 'application/json');
  Ask('BALANCE', '"balance":10000');
  Ask('REDEMPTION', '"value":-1');
  Ask('BALANCE', '"balance":9999');
  Ask('LARGE', '"balance":9999');
  Http.Free;
  WriteLn('OK');
end.
