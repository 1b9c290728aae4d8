select * from read_csv('{{ var("data") }}/train*.csv*', types = {'StateHoliday': 'VARCHAR'})
